using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Timeline;

/// <summary>What happens to a stream comes to Telemetry, from StreamState's transactions and from Redis' numbers.</summary>
public sealed class TimelineTests(NovaFixture nova)
{
    [Fact]
    public async Task EverythingThatHappens_IsInTheTimeline_InItsOrder()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.StartStreamAsync();
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":2500,"reason":"network_congestion"}""");
        await stream.PostAsync("error", """{"error_code":"ENCODER_OVERLOADED","error_message":"Too slow","severity":"warning","recoverable":true,"suggested_action":"None"}""");
        await stream.PostAsync("end", """{"reason":"broadcaster_ended"}""");
        const string Events = "SELECT string_agg(kind || ' ' || version, ', ' ORDER BY happened_at) FROM timeline WHERE stream_id = $1 AND kind <> 'sample'";
        await Eventually.TrueAsync(
            async () => await data.ScalarAsync<string>(Events, Guid.Parse(stream.Id)) == "stream_started 2, quality_changed 3, error 4, stream_ended 5",
            "all four are in the timeline", TimeSpan.FromSeconds(10));
        const string Known = "SELECT broadcaster_id FROM streams WHERE stream_id = $1 AND started_at < ended_at AND created_at <= started_at";
        Assert.Equal(stream.Broadcaster, await data.ScalarAsync<string>(Known, Guid.Parse(stream.Id)));
    }

    [Fact]
    public async Task EventWhoseTransactionEndsLate_IsNotSkipped()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.StartStreamAsync();
        const string Event = "INSERT INTO timeline (stream_id, kind, version, happened_at) VALUES ($1, 'error', 77, now())";
        await using var late = await LateTransaction.WriteAsync(nova.Stack.ConnectionString("streams"), Event, Guid.Parse(stream.Id));
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":2500,"reason":"network_congestion"}""");
        await late.CommitLaterAsync();
        await Eventually.TrueAsync(
            async () => await data.ScalarAsync<long>("SELECT count(*) FROM timeline WHERE stream_id = $1 AND version IN (3, 77)", Guid.Parse(stream.Id)) == 2,
            "both are in the timeline", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task CountsAndBitrates_AreSampled()
    {
        await using var data = new TelemetryData(nova);
        var stream = await nova.Api.StartStreamAsync();
        await using (await stream.WatchAsync())
        {
            await stream.PostAsync("bitrate", """{"current_bitrate_kbps":3300}""");
            const string Sampled = "SELECT count(*) FROM timeline WHERE stream_id = $1 AND viewer_count = 1 AND bitrate_kbps = 3300 AND health = $2";
            await Eventually.TrueAsync(
                async () => await data.ScalarAsync<long>(Sampled, Guid.Parse(stream.Id), WireNames<StreamHealth>.Of(StreamHealth.Fair)) > 0,
                "one viewer and the bitrate are sampled", TimeSpan.FromSeconds(15));
        }

        const string Left = "SELECT viewer_count FROM timeline WHERE stream_id = $1 AND kind = 'sample' ORDER BY happened_at DESC LIMIT 1";
        await Eventually.TrueAsync(async () => await data.ScalarAsync<int?>(Left, Guid.Parse(stream.Id)) == 0, "that the viewer left is sampled", TimeSpan.FromSeconds(15));
    }
}
