using System.Text.Json.Nodes;
using Nova.Standalone;
using Nova.Tests.Support;
using Npgsql;

[assembly: AssemblyFixture(typeof(NovaFixture))]

namespace Nova.Tests.Support;

/// <summary>
/// One Nova for all tests: real PostgreSQL, a real Redis-protocol server, stream state, telemetry and two gateways on real sockets. Every
/// test makes streams of its own.
/// </summary>
public sealed class NovaFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-tests-");
    private readonly List<NovaStack> _more = [];

    public NovaStack Stack { get; private set; } = null!;

    public Api Api { get; private set; } = null!;

    /// <summary>Claims that this Nova accepts, to be made wrong where they are to be refused.</summary>
    public JsonObject Claims(string subject = "viewer") => TestToken.Claims("nova-standalone", subject).With("aud", "nova");

    /// <summary>Signs with the key of this Nova what its own <c>/dev/tokens</c> would not.</summary>
    public string Sign(JsonObject claims) =>
        TestToken.Hmac(Convert.FromBase64String(File.ReadAllText(Path.Combine(_folder.FullName, "stack", "signing.key"))), claims);

    public async ValueTask InitializeAsync()
    {
        Stack = await NovaStack.StartAsync(new StackOptions { DataFolder = Path.Combine(_folder.FullName, "stack"), Gateways = 2 });
        Api = new Api(Stack);
    }

    /// <summary>
    /// A second Nova with settings of its own, on the same servers but in databases of its own, which its services make. Stopped with the fixture.
    /// </summary>
    /// <param name="poolSize">Connections of each service to its database.</param>
    public async Task<NovaStack> StartStackAsync(IDictionary<string, string?> settings, int gateways = 1, int poolSize = 20)
    {
        var name = $"test_{Guid.CreateVersion7():N}";
        var all = new Dictionary<string, string?>(settings) { ["ConnectionStrings:redis"] = Stack.ConnectionString("redis") };
        foreach (var database in new[] { "streams", "telemetry" })
        {
            all[$"ConnectionStrings:{database}"] = new NpgsqlConnectionStringBuilder(Stack.ConnectionString(database)) { Database = $"{name}_{database}", MaxPoolSize = poolSize }.ConnectionString;
        }

        var stack = await NovaStack.StartAsync(new StackOptions { DataFolder = Path.Combine(_folder.FullName, name), Gateways = gateways, Settings = all });
        lock (_more)
        {
            _more.Add(stack);
        }

        return stack;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stack in _more)
        {
            await stack.DisposeAsync();
        }

        await Stack.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
