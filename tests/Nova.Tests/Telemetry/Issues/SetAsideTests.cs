using System.Net.Http.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Issues;

/// <summary>A report that the database will never take holds up no other (F12).</summary>
public sealed class SetAsideTests(NovaFixture nova)
{
    /// <summary>All four are in an index, whose entries are short.</summary>
    [Fact]
    public async Task LongestLabels_AreStored()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.CreateStreamAsync();
        var label = string.Concat(Enumerable.Range(0, 500).Select(i => (char)(0x4E00 + (i * 37 % 20_000)))); // Three bytes each, and no two alike.
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync($$$$"""
            {"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"long",
             "client_info":{"player":"{{{{label}}}}","browser":"{{{{label}}}}","os":"{{{{label}}}}","network":"{{{{label}}}}","bandwidth_estimate_kbps":4182.7}}}
            """);
        await viewer.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal(
            (label[..100], 4183L),
            (await data.ScalarAsync<string>("SELECT network FROM issues WHERE stream_id = $1", Guid.Parse(stream.Id)),
             await data.ScalarAsync<long>("SELECT bandwidth_estimate_kbps FROM issues WHERE stream_id = $1", Guid.Parse(stream.Id))));
    }

    [Fact]
    public async Task ReportThatCannotBeStored_IsSetAsideWithItsReason_AndTheOthersAreStored()
    {
        await using var data = new TelemetryData(nova);
        var poison = $"poison {Guid.NewGuid():N}";
        await data.ExecuteAsync($"ALTER TABLE issues ADD CONSTRAINT no_poison CHECK (description <> '{poison}') NOT VALID");
        var stream = await nova.Api.CreateStreamAsync();
        var reports = Enumerable.Range(0, 100).Select(i => new IssueReport(
            Guid.CreateVersion7(), Guid.Parse(stream.Id), Guid.NewGuid(), "s", $"r{i}", IssueType.Lag, IssueSeverity.Low, i == 37 ? poison : "fine", null,
            DateTimeOffset.UtcNow.TruncateToMilliseconds())).ToList();
        try
        {
            using var http = new HttpClient();
            using var response = await http.PostAsJsonAsync(
                new Uri(nova.Stack.Telemetry, "/internal/issues"), new IssueBatch(reports), ProtocolJson.Default.IssueBatch, TestContext.Current.CancellationToken);
            var receipt = await response.Content.ReadFromJsonAsync(ProtocolJson.Default.IssueBatchReceipt, TestContext.Current.CancellationToken);
            Assert.Equal(reports.Select(report => report.IssueId), receipt!.IssueIds);
        }
        finally
        {
            await data.ExecuteAsync("ALTER TABLE issues DROP CONSTRAINT no_poison");
        }

        Assert.Equal(99, await data.ScalarAsync<long>("SELECT count(*) FROM issues WHERE stream_id = $1", Guid.Parse(stream.Id)));
        Assert.Contains("no_poison", await data.ScalarAsync<string>("SELECT reason FROM rejected_issues WHERE issue_id = $1", reports[37].IssueId), StringComparison.Ordinal);
    }
}
