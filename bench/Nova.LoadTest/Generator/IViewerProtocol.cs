namespace Nova.LoadTest.Generator;

/// <summary>What a viewer must know of a system to be its client.</summary>
internal interface IViewerProtocol
{
    /// <summary>The port on 127.0.0.1 that this viewer connects to.</summary>
    int PortOf(int viewer);

    /// <summary>The whole HTTP request. Asked for while others connect: it must be at hand, not computed.</summary>
    byte[] UpgradeRequest(int viewer);

    /// <summary>Frame to send after 101; null where the server speaks first or never.</summary>
    byte[]? FirstFrame { get; }

    /// <summary>What a message must contain before the viewer counts as connected; null where 101 is enough.</summary>
    byte[]? Greeting { get; }

    /// <summary>Writes the frame that answers a message, such as a ping of the application's; 0 where it wants none.</summary>
    int Answer(ReadOnlySpan<byte> message, Span<byte> frame);
}
