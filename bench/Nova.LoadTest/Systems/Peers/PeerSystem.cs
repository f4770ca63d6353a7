using System.Text;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>A server with one stream, one port and a <c>POST /publish</c>: fan-out alone, without tokens and without Redis.</summary>
internal abstract class PeerSystem(Placement placement, string viewerPath) : SystemUnderTest(placement)
{
    private byte[] _upgrade = [];
    private PublishRequest[] _requests = [];
    private ServerProcess? _server;

    public override IReadOnlyList<PublishRequest> PublishRequests => _requests;

    public override IReadOnlyList<int> MeasuredProcesses => [_server!.Id];

    protected int Port { get; } = Ports.Find();

    /// <summary>Downloads the programs that are missing.</summary>
    /// <exception cref="LoadTestException">A program cannot be downloaded; the message says what is missing and how to get it.</exception>
    public abstract Task PrepareAsync(CancellationToken cancellationToken);

    public override async Task StartAsync(int viewers, CancellationToken cancellationToken)
    {
        await PrepareAsync(cancellationToken);
        _upgrade = Upgrade(viewerPath, Port);
        var (payload, digitsOffset) = EventPayload.Create(Guid.NewGuid(), DateTimeOffset.UtcNow);
        var head = Encoding.ASCII.GetBytes(
            $"POST /publish HTTP/1.1\r\nHost: 127.0.0.1:{Port}\r\nContent-Type: application/json\r\nContent-Length: {payload.Length}\r\n\r\n");
        _requests = [new PublishRequest([.. head, .. payload], head.Length + digitsOffset)];

        var (command, environment) = Command();
        _server = ServerProcess.Start(Name, Placement.MeasuredCores, command, environment, Folder);
        await _server.WaitUntilHealthyAsync(new Uri($"http://127.0.0.1:{Port}/health"), cancellationToken);
    }

    public override int PortOf(int viewer) => Port;

    public override byte[] UpgradeRequest(int viewer) => _upgrade;

    public override PublishConnection ConnectPublisher(EventLoop loop) => new(loop, Port, "HTTP/1.1 20");

    /// <summary>The server's command line and additional environment variables.</summary>
    protected abstract (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment) Command();

    protected override ValueTask StopAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
