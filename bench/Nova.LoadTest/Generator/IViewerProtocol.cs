namespace Nova.LoadTest.Generator;

/// <summary>The client side of a system's protocol: how a viewer connects, and how it replies.</summary>
internal interface IViewerProtocol
{
    /// <summary>The port on 127.0.0.1 that this viewer connects to.</summary>
    int PortOf(int viewer);

    /// <summary>The whole HTTP request, prepared in advance, so that building it does not delay other connects.</summary>
    byte[] UpgradeRequest(int viewer);

    /// <summary>The frame that the client sends after status 101; null if the client sends none.</summary>
    byte[]? FirstFrame { get; }

    /// <summary>The viewer counts as connected once a message contains these bytes; null if status 101 is enough.</summary>
    byte[]? Greeting { get; }

    /// <summary>Writes the reply to a message, such as an application-level ping; returns its length, 0 for no reply.</summary>
    int WriteReply(ReadOnlySpan<byte> message, Span<byte> frame);
}
