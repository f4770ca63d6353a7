namespace Nova.Tests.Support.Faults;

/// <summary>Tests of faults run one after the other and beside nothing else: they measure times, and they share one lab.</summary>
[CollectionDefinition(nameof(FaultCollection), DisableParallelization = true)]
public sealed class FaultCollection : ICollectionFixture<FaultLabFixture>;

/// <summary>A lab for all tests of faults. A test gets it healthy; where the last fault did not heal, it gets a new one.</summary>
public sealed class FaultLabFixture : IAsyncDisposable
{
    private FaultLab? _lab;

    public async Task<FaultLab> HealthyLabAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Faults are made with Linux' signals and /proc.");
        if (_lab is not null && !await _lab.TryHealAsync())
        {
            await DisposeAsync();
        }

        return _lab ??= await FaultLab.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is { } lab)
        {
            _lab = null;
            await lab.DisposeAsync();
        }
    }
}
