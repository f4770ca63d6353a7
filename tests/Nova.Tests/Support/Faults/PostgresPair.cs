using Nova.LocalInfra;
using Npgsql;

namespace Nova.Tests.Support.Faults;

/// <summary>
/// A real primary and its streaming standby. Replication is synchronous: what the primary acknowledges, the standby has, so that a change that is
/// missing after the failover was lost by Nova and not by PostgreSQL.
/// </summary>
public sealed class PostgresPair : IAsyncDisposable
{
    private const string BaseBackup = "pg_basebackup";

    private readonly PostgresServer _primary = new();
    private readonly PostgresServer _standby;

    private PostgresPair() => _standby = new(_primary.Connection("postgres").Password);

    /// <summary>Skips the test where PostgreSQL's programs are not all there: not every package of it can make a standby.</summary>
    public static async Task<PostgresPair> StartAsync()
    {
        var programs = await PostgresBinaries.FindAsync(null, Path.GetTempPath(), TestContext.Current.CancellationToken);
        var baseBackup = Path.Combine(programs, BaseBackup);
        Assert.SkipUnless(File.Exists(baseBackup), $"{BaseBackup} is not installed beside PostgreSQL.");
        var pair = new PostgresPair();
        try
        {
            await pair._primary.StartAsync();
            await pair._standby.CopyAsync(baseBackup, pair._primary);
            await pair._standby.StartAsync();
            await pair._primary.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = '*'");
            await pair._primary.ExecuteAsync("SELECT pg_reload_conf()");
            await Eventually.TrueAsync(
                async () => await pair._primary.QueryAsync<string>("SELECT sync_state FROM pg_stat_replication") is ["sync"], "the standby is a synchronous one");
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>Names both servers, as an operator would; the standby first, so that a client which takes the first host fails at once.</summary>
    public string ConnectionString(string database)
    {
        var primary = _primary.Connection(database);
        return new NpgsqlConnectionStringBuilder
        {
            Host = $"127.0.0.1:{_standby.Port},127.0.0.1:{_primary.Port}",
            Username = primary.Username,
            Password = primary.Password,
            Database = database,
            TargetSessionAttributes = "primary",
        }.ConnectionString;
    }

    /// <summary>As by a power failure: none of its sessions ends in an orderly way.</summary>
    public void KillPrimary() => _primary.Kill();

    /// <summary>Returns when the standby accepts changes.</summary>
    public async Task PromoteAsync() => Assert.True((await _standby.QueryAsync<bool>("SELECT pg_promote()"))[0], "The standby was not promoted in time.");

    public async ValueTask DisposeAsync()
    {
        await _standby.DisposeAsync();
        await _primary.DisposeAsync();
    }
}
