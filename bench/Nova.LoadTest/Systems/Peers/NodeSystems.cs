using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>A server of a few lines in Node.js that uses an npm package.</summary>
internal abstract class NodeSystem(Placement placement, string viewerPath, string package, string version) : PeerSystem(placement, viewerPath)
{
    public override string Description => $"{package} {version} on Node.js, one process";

    public override Task PrepareAsync(CancellationToken cancellationToken) => PeerCache.GetNpmAsync(package, version, cancellationToken);

    protected override (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment) Command() => (
        ["node", Path.Combine(AppContext.BaseDirectory, "Systems", "Peers", $"{Name}.js"), $"{Port}"],
        new Dictionary<string, string> { ["NODE_PATH"] = PeerCache.NodeModules, ["NODE_ENV"] = "production" });
}

/// <summary>The <c>ws</c> package; the server sends in a loop over its clients.</summary>
internal sealed class WsSystem(Placement placement) : NodeSystem(placement, "/ws", "ws", "8.23.0")
{
    public override string Name => "ws";
}

/// <summary>socket.io over WebSocket only; the server calls <c>io.emit</c>.</summary>
internal sealed class SocketIoSystem(Placement placement) : NodeSystem(placement, "/socket.io/?EIO=4&transport=websocket", "socket.io", "4.8.4")
{
    public override string Name => "socketio";

    /// <summary>Joins the default namespace.</summary>
    public override byte[] FirstFrame { get; } = ClientFrame.OfText("40");

    public override byte[] Greeting { get; } = "40{\"sid\""u8.ToArray();

    /// <summary>Replies to engine.io's ping.</summary>
    public override int WriteReply(ReadOnlySpan<byte> message, Span<byte> frame) =>
        message.SequenceEqual("2"u8) ? ClientFrame.WriteText("3"u8, frame) : 0;
}
