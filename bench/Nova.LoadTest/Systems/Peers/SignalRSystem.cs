using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>SignalR with its JSON protocol, one group, and viewers on WebSockets without negotiation.</summary>
internal sealed class SignalRSystem(Placement placement) : PeerSystem(placement, "/hub")
{
    /// <summary>Ends every message of SignalR's JSON protocol.</summary>
    private const string RecordSeparator = "\u001e";

    private static readonly byte[] Ping = ClientFrame.OfText($$"""{"type":6}{{RecordSeparator}}""");

    public override string Name => "signalr";

    public override string Description =>
        $"SignalR JSON in .NET {Environment.Version}, group broadcast through IHubContext, the Web SDK's GC settings (on one core .NET makes workstation GC of them)";

    public override byte[] FirstFrame { get; } = ClientFrame.OfText($$"""{"protocol":"json","version":1}{{RecordSeparator}}""");

    /// <summary>The empty response to the handshake.</summary>
    public override byte[] Greeting { get; } = [.. "{}"u8, (byte)RecordSeparator[0]];

    public override Task PrepareAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int WriteReply(ReadOnlySpan<byte> message, Span<byte> frame)
    {
        if (!message.StartsWith("{\"type\":6}"u8))
        {
            return 0;
        }

        Ping.CopyTo(frame);
        return Ping.Length;
    }

    /// <summary>Starts this program with the GC settings of a new ASP.NET Core project.</summary>
    protected override (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment) Command() => (
        ["dotnet", typeof(SignalRSystem).Assembly.Location, "serve-signalr", "--port", $"{Port}"],
        new Dictionary<string, string> { ["DOTNET_gcServer"] = "1", ["DOTNET_gcConcurrent"] = "1" });
}
