using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nova.Client;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary><see cref="NovaViewer"/> against a Nova that runs.</summary>
public sealed class NovaViewerTests(NovaFixture nova)
{
    private readonly Api _api = nova.Api;

    [Fact]
    public async Task LateViewer_SeesTheStateOfNow_AndNothingOlder()
    {
        var stream = await _api.StartStreamAsync();
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await using var watched = Watch(stream);
        await watched.ShowsTheApiAsync(stream);
        Assert.Equal([StreamQuality.P720], watched.States.Select(state => state.Quality).OfType<StreamQuality>().Distinct()); // Not the 1080p of the start.

        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":14000,"reason":"broadcaster_changed"}""");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":13000}""");
        await watched.UntilAsync(state => state is { Quality: StreamQuality.P4K, Health: StreamHealth.Fair, CurrentBitrateKbps: 13_000 });
        await _api.SendAsync(HttpMethod.Patch, stream.Path, """{"title":"Part 2"}""", stream.Token);
        await watched.UntilAsync(state => state.Title == "Part 2");
    }

    [Fact]
    public async Task Ended_EventsEnd_WithTheNumbers()
    {
        var stream = await _api.CreateStreamAsync();
        await using var watched = Watch(stream);
        await watched.UntilAsync(state => state is { Status: StreamStatus.Scheduled, IsCurrent: true });
        var reading = Task.Run(async () => await watched.Viewer.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        await Task.Yield();
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await watched.UntilAsync(state => state.Status == StreamStatus.Active);
        await stream.PostAsync("end");
        var closed = await watched.Viewer.Completion.WaitAsync(Api.Patience, TestContext.Current.CancellationToken);
        Assert.Equal((ClosedReason.StreamEnded, 1000), (closed.Reason, closed.CloseCode));
        Assert.Equal(EndReason.BroadcasterEnded, watched.Viewer.State.Ended?.Reason);
        Assert.IsType<StreamEnded>((await reading)[^1].Message);
        await Assert.ThrowsAsync<NovaClosedException>(() => watched.Viewer.GetStreamInfoAsync(TestContext.Current.CancellationToken));

        await using var late = Watch(stream); // For a day, whoever comes hears how it ended.
        Assert.Equal(ClosedReason.StreamEnded, (await late.Viewer.Completion.WaitAsync(Api.Patience, TestContext.Current.CancellationToken)).Reason);
        Assert.NotNull(late.Viewer.State.Ended);
    }

    [Fact]
    public async Task Refused_SaysWhy()
    {
        var missing = await ClosedOfAsync(Guid.CreateVersion7(), await _api.TokenAsync());
        Assert.Equal((ClosedReason.StreamNotFound, 404), (missing.Reason, missing.Status));
        var secret = await _api.CreateStreamAsync("private");
        var forbidden = await ClosedOfAsync(Guid.Parse(secret.Id), await _api.TokenAsync());
        Assert.Equal((ClosedReason.NotAllowed, 403), (forbidden.Reason, forbidden.Status));
        Assert.Matches("[a-z]+ .*stream", forbidden.Message);
        Assert.Equal(ClosedReason.TokenRefused, (await ClosedOfAsync(Guid.Parse(secret.Id), "no.token.this")).Reason);
    }

    [Fact]
    public async Task Kicked_StaysAway_AndDeletedIsNotEnded()
    {
        var stream = await _api.CreateStreamAsync();
        await using var kicked = Watch(stream);
        await kicked.UntilAsync(state => state.IsCurrent);
        await _api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{kicked.Viewer.State.ViewerId}", null, stream.Token);
        var closed = await kicked.Viewer.Completion.WaitAsync(Api.Patience, TestContext.Current.CancellationToken);
        Assert.Equal((ClosedReason.NotAllowed, 4403), (closed.Reason, closed.CloseCode));

        await using var other = Watch(stream);
        await other.UntilAsync(state => state.IsCurrent);
        await _api.SendAsync(HttpMethod.Delete, stream.Path, null, stream.Token);
        Assert.Equal(ClosedReason.StreamNotFound, (await other.Viewer.Completion.WaitAsync(Api.Patience, TestContext.Current.CancellationToken)).Reason);
    }

    [Fact]
    public async Task ConnectionIsCut_ComesBack_WithTheStateOfNow()
    {
        var stream = await _api.StartStreamAsync();
        await using var proxy = new TcpProxy(nova.Stack.Gateways[0]);
        await using var watched = Watch(stream, gateway: proxy.Address);
        await watched.ShowsTheApiAsync(stream);
        for (var kbps = 5100; kbps < 5400; kbps += 100)
        {
            proxy.Stop();
            await watched.UntilAsync(state => state is { Connection: ConnectionState.Reconnecting, IsCurrent: false });
            await stream.PostAsync("quality", $$"""{"new_quality":"1080p","new_bitrate_kbps":{{kbps}},"reason":"adaptive_bitrate"}""");
            proxy.Start();
            await watched.ShowsTheApiAsync(stream);
        }

        var bitrates = watched.States.Select(state => state.BitrateKbps).OfType<int>().ToList();
        Assert.Equal(bitrates.Order(), bitrates);
    }

    [Fact]
    public async Task Token_IsRenewed_OnTheOpenSocket()
    {
        var stream = await _api.StartStreamAsync();
        var asked = 0;
        await using var watched = Watch(stream, token: async _ =>
        {
            asked++;
            return await _api.TokenAsync("renewing", ttlSeconds: 24);
        });
        await watched.UntilAsync(state => state.IsCurrent);
        var refreshed = Task.Run(async () => await watched.Viewer.ReadAllAsync(TestContext.Current.CancellationToken).FirstAsync(message => message.Message is TokenRefreshed));
        await refreshed.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (asked, watched.States.Select(state => state.SessionId).OfType<string>().Distinct().Count()));
    }

    [Fact]
    public async Task Report_IsStoredOnce_AndAWrongOneIsNamed()
    {
        var stream = await _api.StartStreamAsync();
        await using var proxy = new TcpProxy(nova.Stack.Gateways[0]);
        await using var watched = Watch(stream, gateway: proxy.Address);
        await watched.UntilAsync(state => state.IsCurrent);
        proxy.Stop();
        await watched.UntilAsync(state => !state.IsCurrent);
        var report = new ViewerReport(IssueType.Buffering, IssueSeverity.High, "It stops", new JsonObject { ["player"] = "test" }, "mine");
        var pending = watched.Viewer.ReportIssueAsync(report, TestContext.Current.CancellationToken);
        proxy.Start();
        var stored = await pending.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(stored, await watched.Viewer.ReportIssueAsync(report, TestContext.Current.CancellationToken));

        using var issues = new NovaIssues(Options(nova.Stack.Gateways[0], async _ => await _api.TokenAsync("operator", "operator")));
        var found = Assert.Single(await issues.ListAsync(new IssueFilter(Guid.Parse(stream.Id)), TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal((stored.IssueId, "It stops", IssueType.Buffering), (found.IssueId, found.Description, found.IssueType));

        foreach (var (wrong, says) in new (ViewerReport, string)[]
        {
            (report with { Description = new string('é', 2049) }, "Description"),
            (report with { ReportId = new string('x', 129) }, "ReportId"),
            (report with { ClientInfo = new JsonObject { ["player"] = 5 } }, "ClientInfo.player"),
            (report with { ClientInfo = new JsonObject { ["bandwidth_estimate_kbps"] = -1 } }, "bandwidth_estimate_kbps"),
            (report with { ClientInfo = new JsonObject { ["list"] = new JsonArray([.. Enumerable.Range(0, 1000).Select(number => (JsonNode)number)]) } }, "900 values"),
        })
        {
            Assert.Contains(says, (await Assert.ThrowsAsync<ArgumentException>(() => watched.Viewer.ReportIssueAsync(wrong, TestContext.Current.CancellationToken))).Message);
        }
    }

    [Fact]
    public async Task SlowReaderAndFailingHandler_HoldUpNothing()
    {
        var stream = await _api.StartStreamAsync();
        await using var watched = Watch(stream, start: false);
        watched.Viewer.StateChanged += _ => throw new InvalidOperationException("mine");
        await using var slow = watched.Viewer.ReadAllAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await slow.MoveNextAsync());
        for (var change = 0; change < 1100; change += 50) // More than it keeps for a reader.
        {
            await Task.WhenAll(Enumerable.Range(change, 50).Select(kbps => stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{kbps + 1}},"reason":"adaptive_bitrate"}""")));
        }

        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":14000,"reason":"broadcaster_changed"}""");
        await watched.UntilAsync(state => state.Quality == StreamQuality.P4K);
    }

    [Fact]
    public async Task HangingProvider_HoldsUpNothing()
    {
        var stream = await _api.StartStreamAsync();
        await using var proxy = new TcpProxy(nova.Stack.Gateways[0]);
        var asked = 0;
        var never = new TaskCompletionSource<string>();
        await using var watched = Watch(stream, proxy.Address, async _ => ++asked == 2 ? await never.Task : await _api.TokenAsync("hanging", ttlSeconds: 20));
        await watched.UntilAsync(state => state.IsCurrent);
        proxy.Stop();
        await watched.UntilAsync(state => !state.IsCurrent);
        proxy.Start();
        await watched.UntilAsync(state => state.IsCurrent);
    }

    [Fact]
    public async Task Questions_AreAnswered_AlsoBeforeTheSocketIsOpen()
    {
        var stream = await _api.StartStreamAsync();
        await using var watched = Watch(stream, start: false);
        var infos = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => watched.Viewer.GetStreamInfoAsync(TestContext.Current.CancellationToken)));
        Assert.Equal(20, infos.Select(info => info.RequestId).Distinct().Count());
        Assert.All(infos, info => Assert.Equal(("Tester", StreamStatus.Active), (info.BroadcasterName, info.Status)));
        Assert.NotNull(watched.Viewer.State.Latency);
    }

    [Fact]
    public async Task DependencyInjection_SharesAddressAndToken_AndRefusesToStartWithout()
    {
        var stream = await _api.StartStreamAsync();
        await using var services = new ServiceCollection().AddLogging().AddNovaClient(options =>
        {
            options.Address = nova.Stack.Gateways[0];
            options.Token = async _ => await _api.TokenAsync("operator", "operator");
        }).BuildServiceProvider();
        Assert.Equal(stream.Id, (await services.GetRequiredService<NovaPublisher>().GetAsync(Guid.Parse(stream.Id), TestContext.Current.CancellationToken)).StreamId.ToString());
        await using var viewer = services.GetRequiredService<NovaViewers>().Watch(Guid.Parse(stream.Id));
        Assert.Equal(StreamStatus.Active, (await viewer.GetStreamInfoAsync(TestContext.Current.CancellationToken)).Status);

        var empty = new ServiceCollection().AddNovaClient(_ => { }).BuildServiceProvider();
        var refused = Assert.Throws<Microsoft.Extensions.Options.OptionsValidationException>(empty.GetRequiredService<NovaPublisher>);
        Assert.Equal(2, refused.Failures.Count());
    }

    private async Task<Closed> ClosedOfAsync(Guid streamId, string token)
    {
        await using var viewer = new NovaViewer(streamId, Options(nova.Stack.Gateways[0], NovaClientOptions.FixedToken(token)));
        viewer.Start();
        return await viewer.Completion.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private WatchedStream Watch(TestStream stream, Uri? gateway = null, Func<CancellationToken, ValueTask<string>>? token = null, bool start = true) =>
        new(Guid.Parse(stream.Id), Options(gateway ?? nova.Stack.Gateways[0], token ?? (async _ => await _api.TokenAsync($"viewer-{Guid.CreateVersion7():N}"))), start);

    private static NovaClientOptions Options(Uri gateway, Func<CancellationToken, ValueTask<string>> token) => new() { Address = gateway, Token = token };
}
