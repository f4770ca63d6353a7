using System.Diagnostics;
using Nova.LocalInfra;
using Nova.Tests.Support;
using Npgsql;

namespace Nova.Tests.LocalInfra;

/// <summary>PostgreSQL of Nova's own, where what was left behind stands in its way.</summary>
public sealed class LocalPostgresTests : IDisposable
{
    /// <summary>A server that cannot start was once waited for during 30 s.</summary>
    private const double AtOnce = 15;

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-postgres-");

    private string Data => Path.Combine(_folder.FullName, "data");

    private string Cluster => Path.Combine(Data, "postgres");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Start_WithAPostmasterFileOfAnotherLivingProcess_Starts()
    {
        await (await StartAsync()).DisposeAsync();
        var content = $"{Environment.ProcessId}\n{Cluster}\n1700000000\n5432\n\n127.0.0.1\n  1 1\nready\n";
        await File.WriteAllTextAsync(Path.Combine(Cluster, "postmaster.pid"), content, TestContext.Current.CancellationToken); // C33
        Run("chown", $"--reference={Cluster}", Path.Combine(Cluster, "postmaster.pid"));
        await using var again = await StartAsync();
        await using var connection = new NpgsqlConnection(again.ConnectionString("test"));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Start_WhereAServerRuns_NamesItsProcess_AndLeavesItAlone()
    {
        await using var running = await StartAsync();
        var refusal = await RefusalAsync();
        Assert.Matches($@"^PostgreSQL already runs in {Cluster}, as process \d+, .*kill -INT \d+$", refusal);
        await using var connection = new NpgsqlConnection(running.ConnectionString("test"));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Start_OfAServerThatEnds_SaysAtOnceWhatItSaid()
    {
        await (await StartAsync()).DisposeAsync();
        await File.AppendAllTextAsync(Path.Combine(Cluster, "postgresql.conf"), "\nno_such_setting = 1\n", TestContext.Current.CancellationToken);
        var refusal = await RefusalAsync();
        Assert.StartsWith($"PostgreSQL in {Data} does not start:", refusal);
        Assert.Contains("postgresql.conf", refusal);
    }

    [Fact]
    public async Task Start_WithALinkForThePasswordFile_IsRefused_AndDoesNotFollowIt()
    {
        var target = Path.Combine(_folder.FullName, "target");
        Directory.CreateDirectory(Data);
        File.CreateSymbolicLink(Path.Combine(Data, "postgres.password"), target);
        Assert.Contains("postgres.password is a link", await RefusalAsync());
        Assert.False(File.Exists(target));
    }

    [Theory]
    [InlineData(true, "is a link")]
    [InlineData(false, "belongs to somebody else")]
    public async Task Start_ByRoot_RefusesAFolderInASharedPlaceThatSomebodyElseMade(bool isLink, string why)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root's PostgreSQL has its data there.");
        var target = _folder.CreateSubdirectory("target");
        Run("chmod", "0444", target.FullName);
        Run("chmod", "0700", _folder.FullName); // PostgreSQL's account cannot reach it.
        var shared = ServerAccount.SharedFolderFor(Data);
        try
        {
            if (isLink)
            {
                Directory.CreateSymbolicLink(shared, target.FullName);
            }
            else
            {
                Directory.CreateDirectory(shared);
                Run("chown", "daemon", shared);
            }

            Assert.Matches($"^{shared}, .* {why}\\. Delete it, or choose with --data", await RefusalAsync());
            target.Refresh();
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead, target.UnixFileMode);
            Assert.Empty(target.EnumerateFileSystemInfos());
        }
        finally
        {
            Directory.Delete(shared);
        }
    }

    private Task<LocalPostgres> StartAsync() => LocalPostgres.StartAsync(Data, ["test"], cancellationToken: TestContext.Current.CancellationToken);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Tools.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private async Task<string> RefusalAsync()
    {
        var started = Stopwatch.StartNew();
        var refusal = await Assert.ThrowsAsync<LocalInfraException>(StartAsync);
        Assert.InRange(started.Elapsed.TotalSeconds, 0, AtOnce);
        return refusal.Message;
    }
}
