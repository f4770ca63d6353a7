using System.Net;
using Nova.Protocol;
using Nova.Standalone;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>
/// R70 and S47: what viewers see of a gateway whose neighbours are away. It is one of the test's own, since nobody else's may lose theirs. That
/// PostgreSQL is away is nothing else to it than that StreamState does not answer.
/// </summary>
public sealed class OutageRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>
    /// A connected viewer's stream is always known to its gateway, so there is no <c>get_stream_info</c> without a cached state: it is answered
    /// throughout. The event comes where updates are really affected, which is when Redis is away.
    /// </summary>
    [Fact]
    public async Task R70_ServerError_WhileServicesAreAway_IsRecoverableAndTellsNothingOfTheInside()
    {
        await using var outage = await Outage.StartAsync(Nova.Stack);
        var stream = await Api.StartStreamAsync();
        await using var viewer = await outage.Gateway.WatchAsync(stream);
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);

        outage.StreamState.Stop();
        await viewer.InfoAsync();
        outage.Redis.Stop();
        var error = await viewer.WaitForAsync(EventNames.Error, within: TimeSpan.FromSeconds(30));
        Assert.Equal((ErrorCodes.ServerError, true), (error.Text("error_code"), error.IsRecoverable()));
        Ask.AssertErrorShape(error);
        Ask.AssertNoInternals(error.Raw);
        Assert.Equal("active", (await viewer.InfoAsync()).Text("status"));
        Assert.Null(viewer.CloseCode);
    }

    [Fact]
    public async Task S47_StreamStateAway_KnownStreamsAreServed_AndUnknownOnesAre503()
    {
        await using var outage = await Outage.StartAsync(Nova.Stack);
        var (known, unknown) = (await Api.StartStreamAsync(), await Api.StartStreamAsync());
        await using var early = await outage.Gateway.WatchAsync(known);
        await early.WaitForCountAsync(1);

        outage.StreamState.Stop();
        await using var late = await outage.Gateway.WatchAsync(known);
        await late.WaitForAsync(EventNames.StreamStarted);
        await early.WaitForCountAsync(2);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(60) };
        using var refused = await http.GetAsync(new Uri(outage.Gateway.Address, $"{unknown.Path}/ws?token={OwnService.Token()}"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter is not null);
        Assert.Null(early.CloseCode);
    }

    /// <summary>And the pings go on: the first one is due while Redis is away.</summary>
    [Fact]
    public async Task S47_RedisAway_ViewersStayAndComeAndArePinged_AndHearAfterwardsWhatTheyMissed()
    {
        await using var outage = await Outage.StartAsync(Nova.Stack);
        var stream = await Api.StartStreamAsync();
        await using var early = await outage.Gateway.WatchAsync(stream);
        await early.WaitForCountAsync(1);

        outage.Redis.Stop();
        await using var late = await outage.Gateway.WatchAsync(stream);
        await late.WaitForAsync(EventNames.StreamStarted);
        await stream.ChangeQualityAsync(3000);
        await early.WaitForPingAsync(1);
        Assert.DoesNotContain(EventNames.QualityChanged, early.Events);

        outage.Redis.Start();
        await early.WaitForAsync(EventNames.QualityChanged, within: TimeSpan.FromSeconds(40));
        await late.WaitForAsync(EventNames.QualityChanged, within: TimeSpan.FromSeconds(40));
        Assert.Equal((null, null), (early.CloseCode, late.CloseCode));
    }

    private sealed class Outage : IAsyncDisposable
    {
        public required OwnService Gateway { get; init; }

        public required TcpProxy StreamState { get; init; }

        public required TcpProxy Redis { get; init; }

        public static async Task<Outage> StartAsync(NovaStack stack)
        {
            var streamState = new TcpProxy(stack.StreamState);
            var redis = new TcpProxy(new Uri($"http://{stack.ConnectionString("redis").Split(',')[0]}"));
            var gateway = await OwnService.StartGatewayAsync(stack, new Dictionary<string, string?>
            {
                ["services:stream-state:http:0"] = streamState.Address.OriginalString.TrimEnd('/'),
                ["ConnectionStrings:redis"] = redis.Address.Authority,
            });
            return new Outage { Gateway = gateway, StreamState = streamState, Redis = redis };
        }

        public async ValueTask DisposeAsync()
        {
            await Gateway.DisposeAsync();
            await StreamState.DisposeAsync();
            await Redis.DisposeAsync();
        }
    }
}
