using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Issues;

/// <summary>The operators' feed, as a browser's EventSource reads it.</summary>
public sealed class FeedTests(NovaFixture nova)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(30) };

    [Fact]
    public async Task Feed_LosesAndRepeatsNothing_OverAnyReplica()
    {
        const int Reports = 12;
        var stream = await nova.Api.CreateStreamAsync();
        var viewers = new List<Viewer>();
        await using var replica = await OwnService.StartTelemetryAsync(nova.Stack);
        using var first = await OpenAsync(nova.Api.Gateways[0], stream, stream.Token);
        for (var i = 0; i < Reports; i++)
        {
            viewers.Add(await stream.WatchAsync(viewerToken: await nova.Api.TokenAsync($"feed-{i}")));
            await viewers[i].SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"f{{{i}}}"}}""");
        }

        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForAsync(EventNames.IssueReceived)));
        var early = await ReadAsync(first, 5);

        // It goes on where it was: over another gateway, then over another replica of Telemetry.
        using var second = await OpenAsync(nova.Api.Gateways[1], stream, stream.Token, early[^1].EventId);
        var middle = await ReadAsync(second, 3);
        using var third = await OpenAsync(replica.Address, stream, OwnService.Token("ops", ("role", "operator")), middle[^1].EventId);
        var late = await ReadAsync(third, 4);

        var names = early.Concat(middle).Concat(late).Select(item => JsonElement.Parse(item.Data).GetProperty("report_id").GetString()).ToList();
        Assert.Equal(Enumerable.Range(0, Reports).Select(i => $"f{i}").Order(), names.Order());
        Assert.All(early, item => Assert.Equal("issue", item.EventType));
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }

    /// <summary>A report that began to be stored first and is stored last comes first in the feed, and is not skipped.</summary>
    [Fact]
    public async Task ReportWhoseTransactionEndsLate_IsToldInItsPlace()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        using var feed = await OpenAsync(nova.Api.Gateways[0], stream, stream.Token);
        const string Report =
            """
            INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description, reported_at)
            VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'late', $2, 'lag', 'low', '', now())
            """;
        await using var late = await LateTransaction.WriteAsync(nova.Stack.ConnectionString("telemetry"), Report, Guid.Parse(stream.Id), "first");
        await data.ExecuteAsync(Report, Guid.Parse(stream.Id), "second");
        await late.CommitLaterAsync();
        var told = (await ReadAsync(feed, 2)).Select(item => JsonElement.Parse(item.Data).GetProperty("report_id").GetString());
        Assert.Equal(["first", "second"], told);
    }

    [Fact]
    public async Task Feed_OfAnotherType_HasNoneOfThese()
    {
        var stream = await nova.Api.CreateStreamAsync();
        using var feed = await OpenAsync(nova.Api.Gateways[0], stream, stream.Token, query: "&issue_type=buffering");
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low"}}""");
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"buffering","severity":"low"}}""");
        Assert.Equal("buffering", JsonElement.Parse((await ReadAsync(feed, 1))[0].Data).GetProperty("issue_type").GetString());
    }

    [Fact]
    public async Task Alerts_ComeWithTheReports()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        using var feed = await OpenAsync(nova.Api.Gateways[0], stream, stream.Token);
        const string Raise =
            """
            INSERT INTO quality_alerts (alert_id, stream_id, change_at, change_kind, issue_type, summary, lift_low, p_value, viewers, audience, window_seconds, rate_before, rate_after, raised_at)
            VALUES (gen_random_uuid(), $1, now(), 'error', 'lag', 'It hurts.', 2, 0.001, 9, 100, 60, 0, 90, now())
            """;
        await data.ExecuteAsync(Raise, Guid.Parse(stream.Id));
        await data.ExecuteAsync("UPDATE quality_alerts SET cleared_at = now(), cleared_in = pg_current_xact_id() WHERE stream_id = $1", Guid.Parse(stream.Id));
        var items = await ReadAsync(feed, 2);
        Assert.Equal(["alert_raised", "alert_cleared"], items.Select(item => item.EventType));
        Assert.All(items, item => Assert.Equal("It hurts.", JsonElement.Parse(item.Data).GetProperty("summary").GetString()));
    }

    /// <summary>A reader that stops in the middle: when it reads again it finds out why it was let go, and goes on elsewhere without loss.</summary>
    [Fact]
    public async Task SlowReader_IsLetGo_WithAComment()
    {
        const int Reports = 40_000; // 17 MB: several times what the kernel holds for a socket.
        await using var data = new TelemetryData(nova);
        await using var telemetry = await OwnService.StartTelemetryAsync(nova.Stack, new Dictionary<string, string?> { ["Telemetry:FeedPatience"] = "00:00:01" });
        var stream = await nova.Api.CreateStreamAsync();
        using var slow = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectWithLittleRoomAsync });
        using var feed = await OpenAsync(telemetry.Address, stream, OwnService.Token("ops", ("role", "operator")), http: slow);
        await data.ReportAsync(stream.Id, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow, Reports);
        await Task.Delay(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken); // The reader's own pause, ten times the feed's patience.

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var reader = new StreamReader(await feed.Content.ReadAsStreamAsync(deadline.Token));
        var (events, isTold) = (0, false);
        while (await reader.ReadLineAsync(deadline.Token) is { } line) // To the end of the feed; one that goes on ends by the deadline.
        {
            events += line == "event: issue" ? 1 : 0;
            isTold |= line == ": this reader is too slow; come back with the Last-Event-ID";
        }

        Assert.True(isTold, $"The feed ended after {events} of {Reports} reports and said nothing.");
        Assert.True(events < Reports);
    }

    [Fact]
    public async Task GatewayThatStops_DoesNotWaitForItsFeeds()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack);
        using var feed = await OpenAsync(gateway.Address, stream, stream.Token);
        await gateway.StopAsync().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Feed_BeginsAtOnce_WithAComment()
    {
        var stream = await nova.Api.CreateStreamAsync();
        using var feed = await OpenAsync(nova.Api.Gateways[0], stream, stream.Token);
        Assert.Equal("text/event-stream", feed.Content.Headers.ContentType!.MediaType);
        using var lines = new StreamReader(await feed.Content.ReadAsStreamAsync());
        Assert.Equal(": the feed begins", await lines.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("Last-Event-ID", "yesterday")]
    [InlineData("Last-Event-ID", "12_x")]
    public async Task UnknownPosition_Is400_ThatNamesTheHeader(string header, string value)
    {
        var answer = await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues/stream", null, await nova.Api.TokenAsync("ops", "operator"), (header, value));
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(header, out _));
    }

    [Fact]
    public async Task FeedOfAll_IsForOperators() =>
        Assert.Equal(
            HttpStatusCode.Forbidden, (await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues/stream", null, await nova.Api.TokenAsync("x", "broadcaster"))).Status);

    private static async Task<HttpResponseMessage> OpenAsync(Uri address, TestStream stream, string token, string? lastId = null, string query = "", HttpClient? http = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, $"/api/v1/issues/stream?stream_id={stream.Id}{query}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        var response = await (http ?? Http).SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private static async ValueTask<Stream> ConnectWithLittleRoomAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<List<SseItem<string>>> ReadAsync(HttpResponseMessage feed, int count)
    {
        List<SseItem<string>> items = [];
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30)); // The response itself has none once its headers are read.
        await foreach (var item in SseParser.Create(await feed.Content.ReadAsStreamAsync(deadline.Token)).EnumerateAsync(deadline.Token))
        {
            items.Add(item);
            if (items.Count == count)
            {
                break;
            }
        }

        return items;
    }
}
