using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>What happens to streams while Telemetry is down is fetched afterwards, whatever else dies.</summary>
[Collection(nameof(FaultCollection))]
public sealed class TimelineTests(FaultLabFixture labs)
{
    [Fact]
    public async Task TelemetryWasDown_AndStreamStateDied_TheTimelineIsExact()
    {
        const int Changes = 20;
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(10);
        await lab.Telemetry.Service.KillAsync();
        for (var change = 0; change < Changes; change++)
        {
            if (change == Changes / 2)
            {
                await lab.States[0].Service.KillAsync();
            }

            await Task.WhenAll(streams.Select(stream => stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{NextKbps()}},"reason":"network_congestion"}""")));
        }

        await lab.Telemetry.Service.HealAsync();
        var expected = string.Join(',', Enumerable.Range(2, 1 + Changes)); // The start was version 2.
        foreach (var stream in streams)
        {
            await Nova.Tests.Support.Eventually.TrueAsync(
                async () => (await lab.Postgres.QueryAsync<string>(
                    $"SELECT coalesce(string_agg(version::text, ',' ORDER BY happened_at), '') FROM timeline WHERE stream_id = '{stream.Id}' AND kind <> 'sample'", "telemetry"))[0] == expected,
                "the timeline has every version once, in order", Seconds(20));
        }
    }
}
