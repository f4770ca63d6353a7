using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Nova.ServiceDefaults.Postgres;

namespace Nova.Tests.ServiceDefaults.Postgres;

/// <summary>A service that cannot start, or stops at once, ends without a word of the attempt that was under way.</summary>
public sealed class SchemaMigrationTests
{
    /// <summary>The attempt failed in the moment in which the service stopped, and the host called it an unhandled exception.</summary>
    [Fact]
    public async Task AttemptThatFails_WhileTheServiceStops_IsNoFault()
    {
        SchemaMigration? migration = null;
        var stopping = new FailsWhenRead(() => _ = migration!.StopAsync(CancellationToken.None));
        var configuration = new ConfigurationBuilder().Add(stopping).Build();
        migration = new SchemaMigration(configuration, "streams", typeof(SchemaMigrationTests).Assembly, TimeProvider.System, NullLogger<SchemaMigration>.Instance);
        await migration.StartAsync(TestContext.Current.CancellationToken);
        await migration.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.True(stopping.WasRead);
        migration.Dispose();
    }

    private sealed class FailsWhenRead(Action onRead) : ConfigurationProvider, IConfigurationSource
    {
        public bool WasRead { get; private set; }

        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        public override bool TryGet(string key, out string? value)
        {
            WasRead = true;
            onRead();
            throw new InvalidOperationException("PostgreSQL refuses the connection.");
        }
    }
}
