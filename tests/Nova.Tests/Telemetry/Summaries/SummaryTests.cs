using System.Net;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Summaries;

/// <summary>Reports counted over time.</summary>
public sealed class SummaryTests(NovaFixture nova)
{
    private readonly DateTimeOffset _start = new DateTimeOffset(DateTimeOffset.UtcNow.Date, TimeSpan.Zero).AddHours(-12);

    [Fact]
    public async Task Summary_CountsReportsAndViewers_ByTypeSeverityAndTime_AndPer1000()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        await data.AudienceAsync(stream.Id, _start.AddHours(-1), 200);
        await data.ReportAsync(stream.Id, _start, _start.AddMinutes(1), 10);
        await data.ReportAsync(stream.Id, _start.AddMinutes(1), _start.AddMinutes(2), 4, "lag", "low", "Chrome 142");
        await data.ExecuteAsync("UPDATE issues SET viewer_id = stream_id WHERE stream_id = $1 AND issue_type = 'lag'", Guid.Parse(stream.Id)); // One viewer, four times.

        var range = $"since={_start:yyyy-MM-ddTHH:mm:ssZ}&until={_start.AddMinutes(3):yyyy-MM-ddTHH:mm:ssZ}&bucket=1m";
        var answer = await nova.Api.SendAsync(HttpMethod.Get, $"{stream.Path}/issues/summary?{range}", null, stream.Token);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var body = answer.Body;
        Assert.Equal((14, 11, 55.0), Of(body.GetProperty("total")));
        Assert.Equal((10, 10, 50.0), Of(body.GetProperty("by_type").GetProperty("buffering")));
        Assert.Equal((4, 1, 5.0), Of(body.GetProperty("by_severity").GetProperty("low")));
        var buckets = body.GetProperty("buckets").EnumerateArray().ToList();
        Assert.Equal([(10, 10, 50.0), (4, 1, 5.0), (0, 0, 0.0)], buckets.Select(bucket => Of(bucket.GetProperty("total"))));
        Assert.All(buckets, bucket => Assert.Equal(200, bucket.GetProperty("audience").GetDouble()));
        var browsers = body.GetProperty("top").GetProperty("browsers").EnumerateArray().Select(top => (top.GetProperty("value").GetString(), top.GetProperty("viewers").GetInt32()));
        Assert.Equal([("Firefox 140", 10), ("Chrome 142", 1)], browsers);
        Assert.Equal("1 to 5 Mbit/s", body.GetProperty("top").GetProperty("bandwidths")[0].GetProperty("value").GetString());

        var all = await nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/issues/summary?stream_id={stream.Id}&issue_type=lag&{range}", null, await nova.Api.TokenAsync("ops", "operator"));
        Assert.Equal((4, 1), (all.Body.GetProperty("total").GetProperty("reports").GetInt32(), all.Body.GetProperty("total").GetProperty("viewers").GetInt32()));
    }

    [Fact]
    public async Task SummaryOfAll_IsForOperators() =>
        Assert.Equal(
            [HttpStatusCode.OK, HttpStatusCode.Forbidden, HttpStatusCode.Forbidden],
            [await StatusAsync("operator"), await StatusAsync("broadcaster"), await StatusAsync("viewer")]);

    private async Task<HttpStatusCode> StatusAsync(string role) =>
        (await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues/summary", null, await nova.Api.TokenAsync("x", role))).Status;

    private static (int Reports, int Viewers, double Per1000) Of(System.Text.Json.JsonElement count) =>
        (count.GetProperty("reports").GetInt32(), count.GetProperty("viewers").GetInt32(), count.GetProperty("per_1000_viewers").GetDouble());
}
