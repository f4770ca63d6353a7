using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Issues;

/// <summary>All reports in one answer, for spreadsheets and for programs.</summary>
public sealed class ExportTests(NovaFixture nova)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(60) };

    [Fact]
    public async Task Csv_RunsNoFormula_AndKeepsEveryCharacter()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        await data.ReportAsync(stream.Id, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow, 1);
        foreach (var (description, written) in new[]
        {
            ("=HYPERLINK(\"http://evil\")", "\"'=HYPERLINK(\"\"http://evil\"\")\""), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("a,b\r\nc", "\"a,b\r\nc\""),
        })
        {
            await data.ExecuteAsync("UPDATE issues SET description = $2 WHERE stream_id = $1", Guid.Parse(stream.Id), description);
            var csv = await GetAsync(stream, "csv");
            Assert.StartsWith("issue_id,stream_id,viewer_id,session_id,report_id,issue_type,severity,description,client_info,reported_at,cursor\r\n", csv, StringComparison.Ordinal);
            Assert.True(csv.Contains($",high,{written},", StringComparison.Ordinal) || csv.Contains($",high,\"{written}\",", StringComparison.Ordinal), csv);
        }
    }

    /// <summary>More than two pages of the database; the export breaks off and goes on after its last line.</summary>
    [Fact]
    public async Task JsonLines_HasEveryReportOnce_AndGoesOnAtACursor()
    {
        const int Reports = 5000;
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        await data.ReportAsync(stream.Id, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow, Reports);
        var lines = Lines(await GetAsync(stream, "jsonl"));
        Assert.Equal(Reports, lines.Select(IdOf).Distinct().Count());
        Assert.Equal(lines.Select(TimeOf).OrderDescending(), lines.Select(TimeOf));

        var rest = Lines(await GetAsync(stream, "jsonl", $"&cursor={lines[2999].GetProperty("cursor").GetString()}"));
        Assert.Equal(lines.Skip(3000).Select(IdOf), rest.Select(IdOf));
    }

    [Fact]
    public async Task UnknownFormat_Is400_ThatNamesIt()
    {
        var answer = await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues/export?format=xlsx", null, await nova.Api.TokenAsync("ops", "operator"));
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty("format", out _));
    }

    private async Task<string> GetAsync(TestStream stream, string format, string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(nova.Api.Gateways[0], $"/api/v1/issues/export?format={format}&stream_id={stream.Id}{query}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", stream.Token);
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static List<JsonElement> Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];

    private static string IdOf(JsonElement line) => line.GetProperty("issue").GetProperty("issue_id").GetString()!;

    private static DateTimeOffset TimeOf(JsonElement line) => line.GetProperty("issue").GetProperty("reported_at").GetDateTimeOffset();
}
