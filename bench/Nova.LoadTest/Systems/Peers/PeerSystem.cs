using System.Text;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>A server with one stream, one port and a <c>POST /publish</c>: bare fan-out, without tokens and without Redis.</summary>
internal abstract class PeerSystem(Placement placement, string viewerPath) : SystemUnderTest(placement)
{
    private byte[] _upgrade = [];
    private PublishRequest[] _requests = [];
    private ServerProcess? _server;

    public override IReadOnlyList<PublishRequest> PublishRequests => _requests;

    public override IReadOnlyList<int> MeasuredProcesses => [_server!.Id];

    protected int Port { get; } = Ports.Find();

    /// <summary>Gets what is not on the machine.</summary>
    /// <exception cref="LoadTestException">It cannot be had; says what is missing and how to get it.</exception>
    public abstract Task PrepareAsync(CancellationToken cancellationToken);

    public override async Task StartAsync(int viewers, CancellationToken cancellationToken)
    {
        await PrepareAsync(cancellationToken);
        _upgrade = Upgrade(viewerPath, Port);
        var (payload, digitsAt) = EventPayload.Create(Guid.NewGuid(), DateTimeOffset.UtcNow);
        var head = Encoding.ASCII.GetBytes(
            $"POST /publish HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\nContent-Type: application/json\r\nContent-Length: {payload.Length}\r\n\r\n");
        _requests = [new PublishRequest([.. head, .. payload], head.Length + digitsAt)];

        var (command, environment) = Command();
        _server = ServerProcess.Start(Name, Placement.Measured, command, environment, Folder);
        await _server.WaitUntilHealthyAsync(new Uri($"http://127.0.0.1:{Port}/health"), cancellationToken);
    }

    public override int PortOf(int viewer) => Port;

    public override byte[] UpgradeRequest(int viewer) => _upgrade;

    public override PublishConnection ConnectPublisher(EventLoop loop) => new(loop, Port, "HTTP/1.1 20");

    /// <summary>The server's command line, and what is added to its environment.</summary>
    protected abstract (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment) Command();

    protected override ValueTask StopAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
