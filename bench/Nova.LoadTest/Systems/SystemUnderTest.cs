using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems;

/// <summary>A server that fans events out to viewers: how to start it, connect and publish, and which processes are measured.</summary>
internal abstract class SystemUnderTest(Placement placement) : IViewerProtocol, IAsyncDisposable
{
    /// <summary>The name for <c>--system</c> and <c>--peers</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Product, version and configuration, for the report.</summary>
    public abstract string Description { get; }

    /// <summary>Processes whose CPU and memory count. Databases, Redis and services behind a gateway do not.</summary>
    public abstract IReadOnlyList<int> MeasuredProcesses { get; }

    /// <summary>One request per stream, in the order in which viewers are assigned to streams.</summary>
    public abstract IReadOnlyList<PublishRequest> PublishRequests { get; }

    public virtual byte[]? FirstFrame => null;

    public virtual byte[]? Greeting => null;

    protected Placement Placement { get; } = placement;

    /// <summary>A folder for logs and data, deleted when the system has stopped.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("nova-loadtest-").FullName;

    /// <summary>Starts the system and prepares the upgrade requests of so many viewers.</summary>
    public abstract Task StartAsync(int viewers, CancellationToken cancellationToken);

    public abstract int PortOf(int viewer);

    public abstract byte[] UpgradeRequest(int viewer);

    public virtual int WriteReply(ReadOnlySpan<byte> message, Span<byte> frame) => 0;

    public abstract PublishConnection ConnectPublisher(EventLoop loop);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // An ending process may still write its log. The folder is temporary anyway.
        }
    }

    protected abstract ValueTask StopAsync();

    /// <summary>A viewer's upgrade request, with the sample key of RFC 6455: the generator does not check Sec-WebSocket-Accept.</summary>
    protected static byte[] Upgrade(string pathAndQuery, int port) => System.Text.Encoding.ASCII.GetBytes(
        $"GET {pathAndQuery} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
}
