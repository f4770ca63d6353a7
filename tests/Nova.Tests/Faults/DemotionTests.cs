using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using Npgsql;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// PostgreSQL becomes read-only under sessions that stay connected, as in a managed failover or behind a proxy. The setting
/// <c>default_transaction_read_only</c> stands for it: set for the server it reaches sessions that are open; set for the database to the
/// contrary it reaches only new ones, which then lead to the new primary, so to speak.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class DemotionTests(FaultLabFixture labs)
{
    private static readonly TimeSpan Limit = Seconds(5 + 1);

    [Fact]
    public async Task PostgresIsReadOnly_StreamState_IsNotReady()
    {
        var lab = await labs.HealthyLabAsync();
        await using var demotion = await Demotion.StartAsync(lab);
        await Task.WhenAll(lab.States.Select(state => Eventually.TrueAsync(
            async () => (await state.Service.ProbeAsync("/health")).Status == 503, "StreamState is not ready while PostgreSQL is read-only", Limit)));
    }

    [Fact]
    public async Task SessionsStayReadOnly_NewOnes_TakeTheirPlace()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        await using var demotion = await Demotion.StartAsync(lab);
        var replicas = Enumerable.Range(0, FaultLab.Replicas).Select(replica => stream.Through(lab.StateApi(replica))).ToList();
        await Task.WhenAll(replicas.Select(replica => Eventually.TrueAsync(
            async () => !(await replica.ChangeAsync(NextKbps())).IsSuccess, "a change is refused", Limit)));

        await demotion.EndForNewSessionsAsync();
        var promoted = Stopwatch.GetTimestamp();
        await Task.WhenAll(replicas.Select(replica => Eventually.TrueAsync(
            async () => (await replica.ChangeAsync(NextKbps())).IsSuccess, "changes are possible through new sessions", Left(promoted, Limit))));
        var kbps = NextKbps();
        Assert.True((await replicas[0].ChangeAsync(kbps)).IsSuccess);
        Assert.True(await viewer.SeesAsync(kbps, Limit), "The relay did not get a new session.");
        await lab.WaitUntilReadyAsync(Limit);
    }

    private sealed class Demotion(FaultLab lab) : IAsyncDisposable
    {
        private static readonly string[] Databases = ["streams", "telemetry"];

        public static async Task<Demotion> StartAsync(FaultLab lab)
        {
            await ExecuteAsync(lab, "ALTER SYSTEM SET default_transaction_read_only = on");
            await ExecuteAsync(lab, "SELECT pg_reload_conf()");
            return new Demotion(lab);
        }

        public async Task EndForNewSessionsAsync()
        {
            foreach (var database in Databases)
            {
                await ExecuteAsync(lab, $"ALTER DATABASE {database} SET default_transaction_read_only = off");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await ExecuteAsync(lab, "ALTER SYSTEM RESET default_transaction_read_only");
            foreach (var database in Databases)
            {
                await ExecuteAsync(lab, $"ALTER DATABASE {database} RESET default_transaction_read_only");
            }

            await ExecuteAsync(lab, "SELECT pg_reload_conf()");

            // A session keeps what its database said when it began, and the next test wants sessions that follow the server.
            await ExecuteAsync(lab, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid()");
        }
    }

    /// <summary>In a session that may write, whatever the server says.</summary>
    private static async Task ExecuteAsync(FaultLab lab, string sql)
    {
        var writable = lab.Postgres.Connection("postgres");
        (writable.Options, writable.Pooling) = ("-c default_transaction_read_only=off", false);
        await using var connection = new NpgsqlConnection(writable.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
