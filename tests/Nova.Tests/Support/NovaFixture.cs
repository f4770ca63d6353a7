using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Nova.Standalone;
using Nova.Tests.Contracts;
using Nova.Tests.Support;
using Nova.TestSupport;
using Npgsql;

[assembly: AssemblyFixture(typeof(NovaFixture))]

namespace Nova.Tests.Support;

/// <summary>
/// One Nova for all tests: PostgreSQL, a Redis-protocol server, stream state, telemetry and two gateways on real sockets. Every test creates its
/// own streams.
/// </summary>
public sealed class NovaFixture : IAsyncLifetime
{
    /// <summary>Beside the first one, which is this Nova's: each Nova needs one of its own.</summary>
    private const int RedisDatabases = 15;

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-tests-");

    private IDisposable _turn = null!;
    private readonly ConcurrentDictionary<string, int> _redisDatabases = [];
    private int _stacks;
    private int _names;

    public NovaStack Stack { get; private set; } = null!;

    public Api Api { get; private set; } = null!;

    /// <summary>The <c>iss</c> of this Nova's tokens, and the key that signs them, in base64.</summary>
    public const string Issuer = "nova-standalone";

    public string SigningKey => File.ReadAllText(Path.Combine(_folder.FullName, "stack", "signing.key"));

    /// <summary>Claims that this Nova accepts; tests of invalid tokens change them.</summary>
    public JsonObject Claims(string subject = "viewer") => TestToken.Claims(Issuer, subject).With("aud", "nova");

    /// <summary>Signs claims with this Nova's key, including claims that <c>/dev/tokens</c> would not sign.</summary>
    public string Sign(JsonObject claims) => TestToken.Hmac(Convert.FromBase64String(SigningKey), claims);

    public async ValueTask InitializeAsync()
    {
        _turn = await OneAtATime.EnterAsync();
        Stack = await NovaStack.StartAsync(new StackOptions
        {
            DataFolder = Path.Combine(_folder.FullName, "stack"),
            Gateways = 2,
            Settings = new Dictionary<string, string?> { ["Telemetry:QualityInterval"] = "00:00:02" }, // Tests wait for several rounds.
        });
        Api = new Api(Stack);
    }

    /// <summary>
    /// Starts another Nova with these settings, on the same servers but with new databases. The test disposes it: a few that live on take a core.
    /// </summary>
    /// <param name="poolSize">Connections of each service to its database.</param>
    public Task<NovaStack> StartStackAsync(IDictionary<string, string?> settings, int gateways = 1, int poolSize = 20) =>
        StartStackAsync($"test_{Guid.CreateVersion7():N}", settings, gateways, poolSize);

    /// <param name="name">Of its databases: stacks of one name are replicas of each other.</param>
    /// <param name="settings">Connection strings among them lead to other servers than this Nova's.</param>
    public Task<NovaStack> StartStackAsync(string name, IDictionary<string, string?> settings, int gateways = 1, int poolSize = 20, int? postgresPort = null)
    {
        var redis = _redisDatabases.GetOrAdd(name, _ => 1 + (Interlocked.Increment(ref _names) % RedisDatabases));
        var all = new Dictionary<string, string?>(settings);
        all.TryAdd("ConnectionStrings:redis", $"{Stack.ConnectionString("redis")},defaultDatabase={redis}");
        foreach (var database in new[] { "streams", "telemetry" })
        {
            var connection = DatabaseOf(name, database);
            (connection.MaxPoolSize, connection.Port) = (poolSize, postgresPort ?? connection.Port);
            all.TryAdd($"ConnectionStrings:{database}", connection.ConnectionString);
        }

        return NovaStack.StartAsync(new StackOptions { DataFolder = Path.Combine(_folder.FullName, $"{name}-{Interlocked.Increment(ref _stacks)}"), Gateways = gateways, Settings = all });
    }

    /// <summary>The way to a stack's database that leads straight to PostgreSQL.</summary>
    public NpgsqlConnectionStringBuilder DatabaseOf(string name, string database) => new(Stack.ConnectionString(database)) { Database = $"{name}_{database}" };

    public async ValueTask DisposeAsync()
    {
        await Stack.DisposeAsync();
        ContractCoverage.Write();
        _folder.Delete(recursive: true);
        _turn.Dispose();
    }
}
