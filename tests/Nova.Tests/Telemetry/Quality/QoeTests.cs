using System.Net;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Quality;

/// <summary>The stream's quality beside its viewers' reports, and the alert while a change hurts.</summary>
public sealed class QoeTests(NovaFixture nova)
{
    [Fact]
    public async Task ChangeThatHurts_IsNamed_WithItsLift_BesideTheTimeline()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        var change = DateTimeOffset.UtcNow.AddMinutes(-10);
        await data.AudienceAsync(stream.Id, change.AddMinutes(-5), 412);
        await data.QualityAsync(stream.Id, change, "1080p", "720p");
        await data.ReportAsync(stream.Id, change.AddSeconds(-120), change, 7);
        await data.ReportAsync(stream.Id, change, change.AddSeconds(120), 42);
        await data.ReportAsync(stream.Id, change.AddSeconds(-120), change.AddSeconds(120), 6, "lag");

        var qoe = (await GetAsync($"{stream.Path}/qoe?since={At(change.AddMinutes(-4))}&until={At(change.AddMinutes(4))}&bucket=1m", stream.Token)).Body;
        var judged = Assert.Single(qoe.GetProperty("changes").EnumerateArray());
        Assert.Equal(("harmful", "1080p → 720p"), (judged.GetProperty("verdict").GetString(), judged.GetProperty("description").GetString()));
        var lift = judged.GetProperty("lifts")[0];
        Assert.Equal("buffering", lift.GetProperty("issue_type").GetString());
        Assert.InRange(lift.GetProperty("ratio").GetDouble(), 4.8, 7.2);
        Assert.Equal(judged.GetProperty("summary").GetString(), qoe.GetProperty("summary").GetString());
        Assert.Contains("buffering reports rose 6.0-fold", qoe.GetProperty("summary").GetString(), StringComparison.Ordinal);

        var timeline = qoe.GetProperty("timeline").EnumerateArray().ToList();
        Assert.Equal(8, timeline.Count);
        Assert.All(timeline, point => Assert.Equal(412, point.GetProperty("audience").GetDouble()));
        Assert.Equal("720p", timeline[^1].GetProperty("quality").GetString());
        Assert.Equal(55, timeline.Sum(point => point.GetProperty("reports").GetInt32()));
    }

    [Fact]
    public async Task ChangeThatHurts_RaisesAnAlertWithinAMinute_ThatClearsByItself_AndDoesNotComeBack()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        var change = DateTimeOffset.UtcNow.AddSeconds(-40);
        await data.AudienceAsync(stream.Id, change.AddMinutes(-5), 500);
        await data.QualityAsync(stream.Id, change, "1080p", "720p");
        await data.ReportAsync(stream.Id, change.AddSeconds(-40), change, 4);
        await data.ReportAsync(stream.Id, change, change.AddSeconds(40), 40);
        await Eventually.TrueAsync(async () => (await AlertsAsync(stream, "open")).Count == 1, "the alert is raised", TimeSpan.FromSeconds(60));
        var alert = (await AlertsAsync(stream, "open"))[0];
        Assert.Equal(("buffering", 500), (alert.GetProperty("issue_type").GetString(), alert.GetProperty("audience").GetInt32()));
        Assert.Contains("1080p → 720p", alert.GetProperty("summary").GetString(), StringComparison.Ordinal);

        // The same viewers go on reporting: in twice the time they are not twice as many, and the alert stays.
        await data.ExecuteAsync("UPDATE issues SET reported_at = now() WHERE stream_id = $1 AND reported_at >= $2", Guid.Parse(stream.Id), change);
        await WaitForRoundsAsync(data, 2);
        Assert.True(await data.ScalarAsync<bool>("SELECT calm_since IS NULL FROM quality_alerts WHERE stream_id = $1", Guid.Parse(stream.Id)));

        // As if a minute had gone by without reports; then as if it had been calm for half a minute.
        await data.ExecuteAsync("UPDATE issues SET reported_at = reported_at - interval '3 minutes' WHERE stream_id = $1", Guid.Parse(stream.Id));
        await Eventually.TrueAsync(
            async () => await data.ScalarAsync<bool>("SELECT calm_since IS NOT NULL FROM quality_alerts WHERE stream_id = $1", Guid.Parse(stream.Id)),
            "few reports are noticed", TimeSpan.FromSeconds(30));
        await WaitForRoundsAsync(data, 2);
        Assert.Single(await AlertsAsync(stream, "open")); // A stream at the edge does not flap.
        await data.ExecuteAsync("UPDATE quality_alerts SET calm_since = calm_since - interval '1 minute' WHERE stream_id = $1", Guid.Parse(stream.Id));
        await Eventually.TrueAsync(async () => (await AlertsAsync(stream, "cleared")).Count == 1, "the alert is cleared", TimeSpan.FromSeconds(30));

        // The reports come again, of the same change: it has been judged.
        await data.ReportAsync(stream.Id, change, change.AddSeconds(40), 60);
        await WaitForRoundsAsync(data, 2);
        Assert.Empty(await AlertsAsync(stream, "open"));
    }

    [Theory]
    [InlineData("/qoe?since=yesterday", "since")]
    [InlineData("/qoe?until=x", "until")]
    [InlineData("/qoe?bucket=7m", "bucket")]
    [InlineData("/qoe?since=2026-01-01&until=2026-06-01", "since")]
    [InlineData("/qoe?since=2026-01-02&until=2026-01-01", "since")]
    [InlineData("/qoe?since=2026-01-01&until=2026-01-20&bucket=10s", "bucket")]
    [InlineData("/issues/summary?bucket=1", "bucket")]
    [InlineData("/issues/summary?since=1", "since")]
    [InlineData("/issues/summary?severity=huge", "severity")]
    [InlineData("/issues/summary?issue_type=noise", "issue_type")]
    public async Task WrongValue_Is400_ThatNamesIt(string call, string field)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var answer = await GetAsync(stream.Path + call, stream.Token);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _), answer.Body.ToString());
    }

    [Theory]
    [InlineData("/qoe")]
    [InlineData("/issues/summary")]
    public async Task Stream_IsForItsBroadcasterAndOperators(string call)
    {
        var stream = await nova.Api.CreateStreamAsync();
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(stream.Path + call, stream.Token)).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(stream.Path + call, await nova.Api.TokenAsync("ops", "operator"))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(stream.Path + call, await nova.Api.TokenAsync("somebody-else", "broadcaster"))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(stream.Path + call, await nova.Api.TokenAsync())).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync($"/api/v1/streams/{Guid.NewGuid()}{call}", await nova.Api.TokenAsync("ops", "operator"))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync($"/api/v1/streams/7{call}", await nova.Api.TokenAsync("ops", "operator"))).Status);
    }

    /// <summary>A round begins by renewing its lease.</summary>
    private static async Task WaitForRoundsAsync(TelemetryData data, int rounds)
    {
        const string RenewedAt = "SELECT renewed_at FROM leases WHERE job = 'quality watch'";
        for (var round = 0; round < rounds; round++)
        {
            var last = await data.ScalarAsync<DateTime>(RenewedAt);
            await Eventually.TrueAsync(async () => await data.ScalarAsync<DateTime>(RenewedAt) > last, "another round begins", TimeSpan.FromSeconds(15));
        }
    }

    private async Task<List<JsonElement>> AlertsAsync(TestStream stream, string state)
    {
        var answer = await GetAsync($"/api/v1/quality/alerts?stream_id={stream.Id}&state={state}", stream.Token);
        return [.. answer.Body.GetProperty("alerts").EnumerateArray()];
    }

    private Task<Answer> GetAsync(string path, string token) => nova.Api.SendAsync(HttpMethod.Get, path, null, token);

    private static string At(DateTimeOffset time) => Uri.EscapeDataString(time.UtcDateTime.ToString("O"));
}
