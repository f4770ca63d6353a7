using Nova.ServiceDefaults.Postgres;
using Nova.Tests.Support;
using Npgsql;

namespace Nova.Tests.ServiceDefaults.Postgres;

public sealed class LeasesTests(NovaFixture nova)
{
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;

    [Fact]
    public async Task TryHold_ByTwoReplicas_IsHeldByOne_UntilItGivesUp()
    {
        await using var dataSource = NpgsqlDataSource.Create(nova.Stack.ConnectionString("streams"));
        var job = $"test {Guid.NewGuid()}";
        var (one, two) = (new Leases(dataSource, TimeProvider.System).For(job), new Leases(dataSource, TimeProvider.System).For(job));
        Assert.True(await one.TryHoldAsync(_cancellation));
        Assert.False(await two.TryHoldAsync(_cancellation));
        Assert.True(await one.TryHoldAsync(_cancellation));
        await one.ReleaseAsync(_cancellation);
        Assert.True(await two.TryHoldAsync(_cancellation));
        Assert.False(await one.TryHoldAsync(_cancellation));
    }

    /// <summary>The holder froze: it renews nothing. The other one takes over, and hears how long nobody worked.</summary>
    [Fact]
    public async Task TryHold_AfterTheHolderStoppedRenewing_ChangesHandsWhenTheLeaseEnds()
    {
        await using var dataSource = NpgsqlDataSource.Create(nova.Stack.ConnectionString("streams"));
        var job = $"test {Guid.NewGuid()}";
        Assert.True(await new Leases(dataSource, TimeProvider.System).For(job).TryHoldAsync(_cancellation));
        var two = new Leases(dataSource, TimeProvider.System).For(job);
        await Eventually.TrueAsync(async () => await two.TryHoldAsync(_cancellation), "the lease changed hands", TimeSpan.FromSeconds(5));
        Assert.InRange(two.TakeGap()!.Value, Leases.Duration, Leases.Duration + TimeSpan.FromSeconds(3)); // The lease, and the time in which the waiting one looks again.
    }
}
