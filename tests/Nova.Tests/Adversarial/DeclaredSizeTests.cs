using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Adversarial;

/// <summary>What is only announced costs nothing (R112). Alone: it looks at the memory of the process that all tests share.</summary>
[Collection(nameof(Alone))]
public sealed class DeclaredSizeTests(NovaFixture nova)
{
    private const int Connections = 200;

    [Fact]
    public async Task MessagesOfTheGreatestSize_DeclaredAndNeverSent_CostLittleMemory()
    {
        var stream = await nova.Api.StartStreamAsync();
        var token = await nova.Api.TokenAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        List<RawViewer> viewers = [];
        for (var i = 0; i < Connections; i++)
        {
            var viewer = await RawViewer.WatchAsync(nova.Stack.Gateways[i % 2], stream.Id, token);
            await viewer.WriteAsync(RawFrame.Header(RawFrame.Text, Limits.MaxMessageBytes));
            await viewer.WriteAsync(RawFrame.Masked("{\"event\":"u8));
            viewers.Add(viewer);
        }

        // Everything declared would be 50 MB.
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        TestContext.Current.TestOutputHelper?.WriteLine($"{Connections} viewers with 256 KB declared each: {grown / 1024.0 / Connections:F1} KB of live objects a viewer");
        Assert.True(grown < Connections * 64L * 1024, $"{grown:N0} bytes");
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }
}
