using Nova.Tests.Support;

namespace Nova.Tests.Architecture;

/// <summary>DESIGN.md 8: nobody waits for one system while holding another's resource. A Redis that hangs would take all of Postgres' connections with it.</summary>
public sealed class ConnectionScopeTests
{
    /// <summary>Starts local servers, and waits for one that does not answer yet; it has no pool and serves nobody.</summary>
    private const string Local = "Nova.LocalInfra";

    [Fact]
    public void NothingIsWaitedFor_WhileAConnectionIsHeld()
    {
        var sources = Directory.EnumerateDirectories(Tools.Root, "Nova.*").Where(project => Path.GetFileName(project) != Local)
            .SelectMany(project => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Tools.Root, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Intersect(["bin", "obj"]).Any())
            .Select(file => (file, File.ReadAllText(Path.Combine(Tools.Root, file))));
        var scopes = new ConnectionScopes(sources);
        Assert.Empty(scopes.FindViolations());
        Assert.True(scopes.Count > 20, $"Only {scopes.Count} connections, transactions and readers were found.");
    }

    [Theory]
    [InlineData("await redis.StringGetAsync(\"key\");")]
    [InlineData("redis.StringGet(\"key\");")]
    [InlineData("await http.GetAsync(\"/\");")]
    [InlineData("await Task.Delay(1);")]
    [InlineData("await Task.WhenAll(Task.CompletedTask).ConfigureAwait(false);")]
    [InlineData("_ = other.AnswerAsync().Result;")]
    [InlineData("other.AnswerAsync().GetAwaiter().GetResult();")]
    [InlineData("await other.AnswerAsync();")] // It may want a connection of its own.
    [InlineData("await using var second = await source.OpenConnectionAsync();")]
    [InlineData("await other.AnswerAsync(source);")]
    [InlineData("await using var second = new NpgsqlConnection(\"\");")]
    [InlineData("await foreach (var item in other.Items()) { }")]
    [InlineData("await using (var reader = await command.ExecuteReaderAsync()) { await reader.ReadAsync(); } await Task.Yield();")]
    public void FindViolations_OtherWaitInAConnectionsScope_IsFound(string statement)
    {
        Assert.NotEmpty(Scan($"await using var connection = await source.OpenConnectionAsync(); {Command} {statement}"));
        Assert.NotEmpty(Scan($"await using (var connection = await source.OpenConnectionAsync()) {{ {Command} {statement} }}"));
        Assert.NotEmpty(Scan("", $"static async Task HelpAsync(NpgsqlConnection connection, NpgsqlDataSource source, IDatabase redis, HttpClient http, Other other) {{ {Command} {statement} }}"));
    }

    [Theory]
    [InlineData("await using var command = source.CreateCommand(\"\"); await using var reader = await command.ExecuteReaderAsync(); await redis.PingAsync();")]
    [InlineData("await using var command = source.CreateCommand(\"\"); await using var reader = await command.ExecuteReaderAsync(); await source.CreateCommand(\"\").ExecuteNonQueryAsync();")]
    public void FindViolations_OtherWaitInAReadersScope_IsFound(string body) => Assert.NotEmpty(Scan(body));

    [Theory]
    [InlineData("await using var connection = await source.OpenConnectionAsync(); await using var transaction = await connection.BeginTransactionAsync(); await transaction.CommitAsync();")]
    [InlineData("await using var connection = await source.OpenConnectionAsync(); await HelpAsync(connection);")]
    [InlineData("await using (var connection = await source.OpenConnectionAsync()) { await connection.WaitAsync(); } await redis.PingAsync();")]
    [InlineData("await using var command = source.CreateCommand(\"\"); await command.ExecuteNonQueryAsync(); await other.AnswerAsync();")]
    public void FindViolations_PostgresAlone_IsNone(string body) =>
        Assert.Empty(Scan(body, "static async Task HelpAsync(NpgsqlConnection connection) { await connection.CloseAsync().ConfigureAwait(false); }"));

    private const string Command = "await using var command = new NpgsqlCommand(\"\", connection);";

    private static IReadOnlyList<string> Scan(string body, string helper = "") => new ConnectionScopes(
    [
        (
            "Scanned.cs",
            $$"""
            using Npgsql;
            using StackExchange.Redis;
            class Other
            {
                public Task<int> AnswerAsync(NpgsqlDataSource? source = null) => Task.FromResult(1);
                public async IAsyncEnumerable<int> Items() { await Task.Yield(); yield return 1; }
            }
            class Scanned(NpgsqlDataSource source, IDatabase redis, HttpClient http, Other other)
            {
                async Task RunAsync() { {{body}} }
                {{helper}}
            }
            """),
    ]).FindViolations();
}
