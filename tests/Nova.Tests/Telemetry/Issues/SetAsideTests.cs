using System.Net.Http.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Issues;

/// <summary>A report that the database will never take holds up no other (F12).</summary>
public sealed class SetAsideTests(NovaFixture nova)
{
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
