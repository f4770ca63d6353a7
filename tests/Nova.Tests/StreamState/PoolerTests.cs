using System.Diagnostics;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Protocol.Conformance;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using Npgsql;

namespace Nova.Tests.StreamState;

/// <summary>
/// Two replicas behind PgBouncer in transaction mode, where no session keeps anything: leases, locks and time-outs hold, and every event comes once and in
/// order. Notifications do not pass it.
/// </summary>
[Collection(nameof(FaultCollection))] // It measures times.
public sealed class PoolerTests(NovaFixture nova)
{
    private const int Changes = 30;

    [Theory]
    [InlineData(false, 1.5)] // Polling alone: within StreamState:OutboxPollInterval.
    [InlineData(true, 0.5)] // Half of the changes are made on the replica that does not relay; polling would take half a second for those.
    public async Task TwoReplicas_BehindATransactionPooler_TellEveryChangeOnceAndInOrder(bool listensDirectly, double slowest)
    {
        var name = $"test_{Guid.CreateVersion7():N}";
        await using var pooler = await StartPoolerAsync();
        var settings = new Dictionary<string, string?>();
        if (listensDirectly)
        {
            settings["ConnectionStrings:streams-listen"] = nova.DatabaseOf(name, "streams").ConnectionString;
        }

        await CreateDatabasesAsync(name); // A client of PgBouncer that asks for one that is not there waits for it, so that Nova cannot make it.
        await using var one = await nova.StartStackAsync(name, settings, postgresPort: pooler.Port);
        await using var two = await nova.StartStackAsync(name, settings, postgresPort: pooler.Port);
        var (first, second) = (new Api(one), new Api(two));
        var stream = await first.StartStreamAsync();
        TestStream[] replicas = [stream, new(second, stream.Id, stream.Broadcaster, await second.TokenAsync(stream.Broadcaster, "broadcaster"))];
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);

        List<double> took = [];
        for (var change = 0; change < Changes; change++)
        {
            var kbps = 2000 + change;
            var started = Stopwatch.GetTimestamp();
            await replicas[change % 2].PostAsync("quality", RuleSteps.Quality("720p", kbps));
            await viewer.WaitForAsync(EventNames.QualityChanged, data => Bitrate(data) == kbps);
            took.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"median {took.Order().ElementAt(Changes / 2) * 1000:F0} ms, slowest {took.Max() * 1000:F0} ms");
        Assert.Equal(Enumerable.Range(2000, Changes), viewer.All(EventNames.QualityChanged).Select(frame => Bitrate(frame.Data)));
        Assert.True(took.Order().ElementAt(Changes * 3 / 4) < slowest, $"A quarter of the changes took longer than {slowest} s: {string.Join(", ", took.Select(seconds => $"{seconds:F2}"))}");
    }

    /// <summary>The migration once held a session for its lock and wanted another for its work: it waited for itself, and the service was never ready.</summary>
    [Fact]
    public async Task Replica_BehindAPoolerOfOneSession_StartsAndServes()
    {
        var name = $"test_{Guid.CreateVersion7():N}";
        await using var pooler = await StartPoolerAsync(sessions: 1);
        await CreateDatabasesAsync(name);
        await using var stack = await nova.StartStackAsync(name, new Dictionary<string, string?>(), postgresPort: pooler.Port);
        var stream = await new Api(stack).StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await Task.WhenAll(Enumerable.Range(2000, Changes).Select(kbps => stream.PostAsync("quality", RuleSteps.Quality("720p", kbps))));
        await Eventually.TrueAsync(() => Task.FromResult(viewer.All(EventNames.QualityChanged).Count >= Changes), "every change arrives");
    }

    private Task<PgBouncer> StartPoolerAsync(int sessions = 10)
    {
        Assert.SkipUnless(PgBouncer.IsInstalled, "pgbouncer is not installed (Debian's package of that name).");
        return PgBouncer.StartAsync(new(nova.Stack.ConnectionString("streams")), sessions);
    }

    private async Task CreateDatabasesAsync(string name)
    {
        await using var server = new NpgsqlConnection(nova.Stack.ConnectionString("streams"));
        await server.OpenAsync();
        foreach (var database in new[] { "streams", "telemetry" })
        {
            await using var create = new NpgsqlCommand($"CREATE DATABASE {name}_{database}", server);
            await create.ExecuteNonQueryAsync();
        }
    }

    private static int Bitrate(JsonElement change) => change.GetProperty("new_bitrate_kbps").GetInt32();
}
