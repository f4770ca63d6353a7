using Nova.Demo;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;

namespace Nova.Tests.Demo;

/// <summary>The demo, as a program of its own beside a Nova that it knows by address only.</summary>
public sealed class DemoTests(NovaFixture nova)
{
    [Fact]
    public async Task Run_BroadcastsWithAnAudience_AndEndsItsStreamWhenItStops()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?>());
        var api = new Api(stack);
        await using var demo = await StartAsync(stack.Gateways[0]);
        using var http = new HttpClient { BaseAddress = demo.Address, Timeout = Api.Patience };
        await Eventually.TrueAsync(async () => (await http.GetAsync("/health")).IsSuccessStatusCode, "the demo is healthy");

        var first = Assert.Single(await StreamsAsync(api, "active"));
        await using var viewer = await new TestStream(api, first, DemoBroadcaster.BroadcasterId, await OperatorAsync(api)).WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() > 2);
        await viewer.WaitForAsync(EventNames.BitrateUpdate);

        Assert.Equal(0, await demo.StopAsync());
        Assert.Empty(await StreamsAsync(api, "active"));
        Assert.Equal([first], await StreamsAsync(api, "ended"));
        Assert.Empty(demo.Failures);
    }

    [Fact]
    public async Task StreamThatSomebodyEnded_IsFollowedByANewOne()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?>());
        var api = new Api(stack);
        await using var demo = await StartAsync(stack.Gateways[0]);
        string[] active = [];
        await Eventually.TrueAsync(async () => (active = await StreamsAsync(api, "active")).Length == 1, "the demo broadcasts");

        await new TestStream(api, active[0], DemoBroadcaster.BroadcasterId, await OperatorAsync(api)).PostAsync("end");
        await Eventually.TrueAsync(async () => await StreamsAsync(api, "active") is [var next] && next != active[0], "the demo broadcasts again");
    }

    [Theory]
    [InlineData("")]
    [InlineData("gateway")]
    [InlineData("ftp://127.0.0.1")]
    public async Task Run_WithoutTheGatewaysAddress_SaysSo(string gateway) =>
        (await ProgramResult.RunAsync("Nova.Demo", new Dictionary<string, string> { ["Demo__Gateway"] = gateway }))
            .AssertRefused("Demo:Gateway must be the gateway's address, such as http://127.0.0.1:8080");

    [Fact]
    public void EachChangeOfQuality_IsAChange()
    {
        for (var changes = 1; changes < 10; changes++)
        {
            Assert.NotEqual(DemoBroadcaster.QualityAfter(changes - 1).NewQuality, DemoBroadcaster.QualityAfter(changes).NewQuality);
        }
    }

    private static Task<ServiceProcess> StartAsync(Uri gateway) =>
        ServiceProcess.StartAsync("Demo", new Dictionary<string, string> { ["Demo__Gateway"] = gateway.OriginalString });

    private static Task<string> OperatorAsync(Api api) => api.TokenAsync("ops", "operator");

    private static async Task<string[]> StreamsAsync(Api api, string status)
    {
        var answer = await api.SendAsync(HttpMethod.Get, $"/api/v1/streams?status={status}&broadcaster_id={DemoBroadcaster.BroadcasterId}", null, await OperatorAsync(api));
        return [.. answer.Body.GetProperty("streams").EnumerateArray().Select(stream => stream.GetProperty("stream_id").GetString()!)];
    }
}
