using System.Diagnostics;
using Nova.LoadTest.Systems.Peers;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>The Redis of a run: one server, or a Redis Cluster of primaries without replicas.</summary>
/// <param name="shards">Primaries of the cluster; 0 for one server without cluster mode.</param>
/// <param name="startInfra">Starts Nova.LocalInfra's Redis-protocol server on the port.</param>
internal sealed class NovaRedis(int shards, string cores, string folder, Func<int, CancellationToken, Task<ServerProcess>> startInfra) : IAsyncDisposable
{
    private static readonly TimeSpan ClusterTimeout = TimeSpan.FromSeconds(20);

    /// <summary>The cluster bus listens on the node's port plus 10,000, which must be a valid port and below Linux's ephemeral ports; hence one explicit port each.</summary>
    private readonly (int Port, int Bus)[] _nodes = [.. Enumerable.Range(0, Math.Max(1, shards)).Select(static _ => (Ports.Find(), Ports.Find()))];

    private readonly List<ServerProcess> _servers = [];

    public int Port => _nodes[0].Port;

    public IReadOnlyList<int> Processes => [.. _servers.Select(static server => server.Id)];

    public string ConnectionString => string.Join(',', _nodes.Select(static node => $"127.0.0.1:{node.Port}"));

    /// <summary>Starts Debian's Redis; if that cannot be downloaded, Nova.LocalInfra's Redis-protocol server in its own process.</summary>
    /// <exception cref="LoadTestException">A cluster is wanted, and Debian's Redis cannot be downloaded.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!await PeerCache.TryGetRedisAsync(cancellationToken))
        {
            _servers.Add(shards == 0
                ? await startInfra(Port, cancellationToken)
                : throw new LoadTestException("A Redis Cluster needs the Debian packages redis-server and redis-tools. Try: sudo apt-get update"));
            return;
        }

        foreach (var (port, bus) in _nodes)
        {
            string[] cluster = shards == 0 ? [] : ["--cluster-enabled", "yes", "--cluster-port", $"{bus}", "--cluster-config-file", $"nodes-{port}.conf"];
            var server = ServerProcess.Start(
                shards == 0 ? "redis" : $"redis-{port}", cores, [PeerCache.Redis, "--bind", "127.0.0.1", "--port", $"{port}", "--save", "", .. cluster],
                new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = PeerCache.Libraries }, folder);
            _servers.Add(server);
            await server.WaitUntilListeningAsync(port, cancellationToken);
        }

        if (shards > 0)
        {
            await JoinClusterAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        _servers.Clear();
    }

    /// <returns>What <c>redis-cli</c> prints for the command on the first node.</returns>
    public async Task<string> AskAsync(int node, string[] command, CancellationToken cancellationToken)
    {
        using var client = Process.Start(new ProcessStartInfo(PeerCache.RedisClient, ["-h", "127.0.0.1", "-p", $"{_nodes[node].Port}", .. command])
        {
            RedirectStandardOutput = true,
            Environment = { ["LD_LIBRARY_PATH"] = PeerCache.Libraries },
        })!;
        var text = await client.StandardOutput.ReadToEndAsync(cancellationToken);
        await client.WaitForExitAsync(cancellationToken);
        return text;
    }

    private async Task JoinClusterAsync(CancellationToken cancellationToken)
    {
        var answer = await AskAsync(0, ["--cluster", "create", .. _nodes.Select(static node => $"127.0.0.1:{node.Port}"), "--cluster-yes"], cancellationToken);
        var started = Stopwatch.GetTimestamp();
        for (var node = 0; node < _nodes.Length;)
        {
            if ((await AskAsync(node, ["cluster", "info"], cancellationToken)).Contains("cluster_state:ok", StringComparison.Ordinal))
            {
                node++;
            }
            else if (Stopwatch.GetElapsedTime(started) > ClusterTimeout)
            {
                throw new LoadTestException($"The Redis Cluster did not form:\n{answer}");
            }
            else
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
