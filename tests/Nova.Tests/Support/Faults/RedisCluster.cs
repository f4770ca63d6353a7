using System.Diagnostics;

namespace Nova.Tests.Support.Faults;

/// <summary>A real Redis Cluster: three primaries, each with a replica, and places for more. Every node is a process.</summary>
public sealed class RedisCluster : IAsyncDisposable
{
    private const int Slots = 16384;
    private const int Primaries = 3;

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-cluster-");
    private readonly bool _isBehindLinks;
    private readonly List<RedisServer> _nodes = [];
    private readonly List<Link> _links = [];

    private RedisCluster(bool isBehindLinks) => _isBehindLinks = isBehindLinks;

    /// <summary>What a service is given: some of the nodes.</summary>
    public string ConnectionString => string.Join(
        ',', _isBehindLinks ? _links.Take(2 * Primaries).Select(link => $"127.0.0.1:{link.Port}") : _nodes.Take(2 * Primaries).Select(node => node.Address));

    public IReadOnlyList<RedisServer> Nodes => _nodes;

    /// <summary>The way to each node, where the cluster is behind links.</summary>
    public IReadOnlyList<Link> Links => _links;

    /// <param name="behindLinks">Whether each node announces itself at a link that leads to it.</param>
    public static async Task<RedisCluster> StartAsync(bool behindLinks = false)
    {
        var cluster = new RedisCluster(behindLinks);
        for (var node = 0; node < 2 * Primaries; node++)
        {
            await cluster.AddNodeAsync();
        }

        var nodes = cluster._nodes;
        for (var primary = 0; primary < Primaries; primary++)
        {
            var (from, to) = (primary * Slots / Primaries, ((primary + 1) * Slots / Primaries) - 1);
            await nodes[primary].CliAsync("cluster", "addslotsrange", $"{from}", $"{to}");
        }

        foreach (var node in nodes.Skip(1))
        {
            await cluster.MeetAsync(node);
        }

        await Eventually.TrueAsync(async () => (await Task.WhenAll(nodes.Select(node => node.CliAsync("cluster", "nodes"))))
            .All(known => known.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == nodes.Count), "all nodes know each other", TimeSpan.FromSeconds(20));
        for (var primary = 0; primary < Primaries; primary++)
        {
            var id = await IdOfAsync(nodes[primary]);
            var replica = nodes[Primaries + primary];
            await Eventually.TrueAsync(
                async () => (await replica.CliAsync("cluster", "replicate", id)).StartsWith("OK", StringComparison.Ordinal), "a replica follows its primary");
        }

        await cluster.WaitUntilWholeAsync();
        return cluster;
    }

    /// <summary>One more primary, without slots.</summary>
    public async Task<RedisServer> AddPrimaryAsync()
    {
        var node = await AddNodeAsync();
        await MeetAsync(node);
        await WaitUntilWholeAsync();
        return node;
    }

    /// <summary>Gives every primary as many slots as the others, with what is in them, while the cluster serves.</summary>
    public async Task RebalanceAsync()
    {
        await WaitUntilAgreedAsync();
        await CliToolAsync("--cluster", "rebalance", _nodes[0].Address, "--cluster-use-empty-masters");
    }

    /// <summary>Moves slots from one primary to another.</summary>
    public async Task ReshardAsync(RedisServer from, RedisServer to, int slots)
    {
        await WaitUntilAgreedAsync();
        await CliToolAsync(
            "--cluster", "reshard", _nodes[0].Address, "--cluster-from", await IdOfAsync(from), "--cluster-to", await IdOfAsync(to), "--cluster-slots", $"{slots}", "--cluster-yes");
    }

    /// <summary>A replica takes over in good order.</summary>
    public async Task FailoverAsync(int primary) => await _nodes[Primaries + primary].CliAsync("cluster", "failover");

    /// <summary>Waits until each node says that all slots are served, and each replica has its primary's data.</summary>
    public async Task WaitUntilWholeAsync()
    {
        foreach (var node in _nodes.Where(node => node.IsRunning))
        {
            await Eventually.TrueAsync(
                async () => (await node.CliAsync("cluster", "info")).Contains("cluster_state:ok", StringComparison.Ordinal), "the cluster is whole", TimeSpan.FromSeconds(20));
        }

        foreach (var replica in _nodes.Skip(Primaries).Take(Primaries).Where(node => node.IsRunning))
        {
            await Eventually.TrueAsync(
                async () => await replica.CliAsync("info", "replication") is var role
                    && (role.Contains("role:master", StringComparison.Ordinal) || role.Contains("master_link_status:up", StringComparison.Ordinal)),
                "the replica has its primary's data", TimeSpan.FromSeconds(20));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private async Task<RedisServer> AddNodeAsync()
    {
        var node = new RedisServer();
        _nodes.Add(node);
        string[] announced = [];
        if (_isBehindLinks)
        {
            _links.Add(new Link(node.Port));
            announced = ["--cluster-announce-port", $"{_links[^1].Port}"];
        }

        await node.StartAsync(
        [
            "--cluster-enabled", "yes", "--cluster-port", $"{FreePort.Find()}", "--cluster-config-file", $"{node.Port}.conf", "--cluster-node-timeout", "1000",
            "--dir", _folder.FullName, .. announced,
        ]);
        return node;
    }

    private async Task MeetAsync(RedisServer node)
    {
        var port = (await node.CliAsync("config", "get", "cluster-port")).Split('\n')[1];
        await _nodes[0].CliAsync("cluster", "meet", "127.0.0.1", $"{node.Port}", port.Trim());
    }

    private static async Task<string> IdOfAsync(RedisServer node) => (await node.CliAsync("cluster", "myid")).Trim();

    /// <summary>Nodes tell each other who has which slots, and the tool refuses to move any before all have heard.</summary>
    private Task WaitUntilAgreedAsync() => Eventually.TrueAsync(
        async () =>
        {
            using var check = Tools.Start("redis-cli", ["--cluster", "check", _nodes[0].Address]);
            await Task.WhenAll(check.StandardOutput.ReadToEndAsync(), check.StandardError.ReadToEndAsync());
            await check.WaitForExitAsync();
            return check.ExitCode == 0;
        },
        "the nodes agree who has which slots",
        TimeSpan.FromSeconds(20));

    private static async Task CliToolAsync(params string[] arguments)
    {
        using var tool = Tools.Start("redis-cli", arguments);
        tool.StandardInput.Close();
        var reading = tool.StandardError.ReadToEndAsync();
        var said = await tool.StandardOutput.ReadToEndAsync();
        await tool.WaitForExitAsync();
        Assert.True(tool.ExitCode == 0, $"redis-cli {string.Join(' ', arguments)} said: {said[^Math.Min(500, said.Length)..]} {await reading}");
    }
}
