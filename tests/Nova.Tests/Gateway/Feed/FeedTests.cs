using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.Gateway.Feed;

/// <summary>What pub/sub may do to a stream's channel, done to it: forge, lose, repeat (F26, F42, F43).</summary>
public sealed class FeedTests(NovaFixture nova)
{
    [Fact]
    public async Task ForgedMessages_ReachNobodyAndSwallowNothing()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        var before = viewer.Frames.Count;
        foreach (var (version, name, data) in new[]
        {
            (3L, "evil", "{}"), (0L, "evil", "{}"), (3L, EventNames.QualityChanged, "{}"), (3L, EventNames.QualityChanged, """{"new_quality":"8k"}"""),
            (0L, EventNames.BitrateUpdate, "{}"), (0L, EventNames.QualityChanged, "{}"), (1_000_000L, EventNames.Error, "{}"),
        })
        {
            var payload = System.Text.Encoding.UTF8.GetBytes($$"""{"event":"{{name}}","data":{{data}}}""");
            await PublishAsync(stream, new StreamEvent(version, DateTimeOffset.UtcNow, name, "", payload).Encode());
        }

        await PublishAsync(stream, "garbage"u8.ToArray());
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == 3000);
        Assert.Equal([EventNames.QualityChanged], viewer.Events.Skip(before));
    }

    [Fact]
    public async Task RepeatedAndOldMessages_AreToldOnce_AndALostOneIsMadeUpFor()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        List<byte[]> sent = [];
        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        await redis.GetSubscriber().SubscribeAsync(
            RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id))), (_, message) => sent.Add((byte[])message!));
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await viewer.WaitForAsync(EventNames.QualityChanged);
        await Eventually.TrueAsync(() => Task.FromResult(sent.Count > 0), "the event was on the channel");
        await PublishAsync(stream, sent[0]);
        await PublishAsync(stream, sent[0]);

        // Version 4 never comes; version 5 shows it.
        StreamEvent.TryDecode(sent[0], out var third);
        await ExecuteAsync("UPDATE streams SET version = 4 WHERE stream_id = $1", stream.Id);
        await ExecuteAsync(
            """
            INSERT INTO stream_events (stream_id, event, version, envelope)
            VALUES ($1, 'error', 4, '{"event":"error","data":{"error_code":"LOST","error_message":"m","severity":"critical","recoverable":false,"suggested_action":"a","timestamp":"2026-01-01T00:00:00.000Z"}}')
            """,
            stream.Id);
        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":9000,"reason":"adaptive_bitrate"}""");
        await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == 9000);
        Assert.Equal(
            [EventNames.QualityChanged, EventNames.Error, EventNames.QualityChanged],
            viewer.Events.Where(name => name is EventNames.QualityChanged or EventNames.Error));
        Assert.Equal(3, third!.Version);
    }

    [Fact]
    public async Task AKickThatTheChannelLost_IsMadeUpForLikeAnyChange()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await using var bystander = await stream.WatchAsync(gateway: 1);
        await ExecuteAsync($"INSERT INTO removed_viewers VALUES ($1, '{viewer.Frames[0].Text("viewer_id")}', now() + interval '1 minute')", stream.Id);
        await ExecuteAsync("UPDATE streams SET version = version + 1 WHERE stream_id = $1", stream.Id);
        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":9000,"reason":"adaptive_bitrate"}""");
        Assert.Equal(4403, await viewer.WaitForCloseAsync(TimeSpan.FromSeconds(5)));
        await bystander.WaitForAsync(EventNames.QualityChanged);
        Assert.Null(bystander.CloseCode);
    }

    private async Task ExecuteAsync(string sql, string streamId)
    {
        await using var connection = new Npgsql.NpgsqlConnection(nova.Stack.ConnectionString("streams"));
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(sql, connection) { Parameters = { new() { Value = Guid.Parse(streamId) } } };
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
    }

    private async Task PublishAsync(TestStream stream, byte[] message)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        await redis.GetSubscriber().PublishAsync(RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id))), message);
    }
}
