using System.Net;
using Nova.Standalone;
using Nova.Tests.Support;
using Npgsql;

namespace Nova.Tests.StreamState.Retention;

/// <summary>What is past its time is deleted, and nothing else, however much there is.</summary>
public sealed class RetentionTests(NovaFixture nova)
{
    /// <summary>More than three batches.</summary>
    private const int Many = 1_600;

    private static readonly string[] TablesOfAStream = ["streams", "stream_events", "ingest", "removed_viewers", "outbox"];

    [Fact]
    public async Task EndedStream_AfterItsTime_IsDeletedWithAllThatIsOfIt_AndALiveOneStays()
    {
        await using var stack = await StartAsync(("StreamRetention", "00:00:02"), ("EndedRetention", "00:00:01"));
        var api = new Api(stack);
        var (ended, live) = (await api.StartStreamAsync(), await api.StartStreamAsync());
        foreach (var stream in new[] { ended, live })
        {
            await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""", ("Idempotency-Key", "one"));
            await stream.PostAsync("heartbeat");
        }

        await ended.PostAsync("end");
        await Eventually.TrueAsync(async () => (await ended.GetAsync()).Status == HttpStatusCode.NotFound, "the ended stream is deleted");
        foreach (var table in TablesOfAStream)
        {
            Assert.Equal(0L, await CountAsync(stack, $"{table} WHERE stream_id = '{ended.Id}'"));
        }

        Assert.Equal("active", (await live.GetAsync()).Text("status"));
        Assert.Equal(1L, await CountAsync(stack, $"ingest WHERE stream_id = '{live.Id}'"));
        Assert.Equal(2L, await CountAsync(stack, $"stream_events WHERE stream_id = '{live.Id}'"));
    }

    [Theory]
    [InlineData("streams", "INSERT INTO streams (stream_id, version, broadcaster_id, broadcaster_name, title, description, visibility, status, created_at, ended_at, last_event_at) SELECT gen_random_uuid(), 2, 'b', 'b', 't', '', 'public', 'ended', t, t, t FROM generate_series(1, {0}), (SELECT now() - interval '{1}' AS t) AS time", 91)]
    [InlineData("idempotency_keys", "INSERT INTO idempotency_keys (subject, key, fingerprint, status, stream_id, version, created_at) SELECT 's', i::text || '{1}', '', 200, gen_random_uuid(), 1, now() - interval '{1}' FROM generate_series(1, {0}) AS i", 2)]
    [InlineData("deleted_streams", "INSERT INTO deleted_streams (stream_id, deleted_at) SELECT gen_random_uuid(), now() - interval '{1}' FROM generate_series(1, {0})", 91)]
    [InlineData("outbox", "INSERT INTO outbox (partition, stream_id, version, event, happened_at, trace_parent, envelope) SELECT 99, gen_random_uuid(), 1, 'e', now() - interval '{1}', '', '' FROM generate_series(1, {0})", 2)]
    public async Task RowsPastTheirTime_InManyBatches_AreDeleted_AndYoungOnesStay(string table, string insert, int days)
    {
        await using var stack = await StartAsync();
        await ExecuteAsync(stack, string.Format(null, insert, Many, $"{days} days"));
        await ExecuteAsync(stack, string.Format(null, insert, 3, "1 hour"));
        await Eventually.TrueAsync(async () => await CountAsync(stack, table) == 3, "what is old is deleted");
    }

    /// <summary>A change that is under way holds its stream's row; the sweep does not wait for it, nor it for the sweep.</summary>
    [Fact]
    public async Task LockedStream_IsLeftForALaterSweep_AndTheOthersAreDeleted()
    {
        await using var stack = await StartAsync(("StreamRetention", "00:00:03"), ("EndedRetention", "00:00:01"));
        var api = new Api(stack);
        var (locked, other) = (await api.StartStreamAsync(), await api.StartStreamAsync());
        await using var connection = new NpgsqlConnection(stack.ConnectionString("streams"));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await locked.PostAsync("end");
        await using (var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            await using var hold = new NpgsqlCommand($"SELECT 1 FROM streams WHERE stream_id = '{locked.Id}' FOR UPDATE", connection);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            await other.PostAsync("end");
            await Eventually.TrueAsync(async () => (await other.GetAsync()).Status == HttpStatusCode.NotFound, "the other stream is deleted");
            Assert.Equal(HttpStatusCode.OK, (await locked.GetAsync()).Status);
        }

        await Eventually.TrueAsync(async () => (await locked.GetAsync()).Status == HttpStatusCode.NotFound, "the stream is deleted once nobody holds it");
    }

    private Task<NovaStack> StartAsync(params (string Key, string Value)[] settings) => nova.StartStackAsync(
        settings.Append(("RetentionInterval", "00:00:00.200")).ToDictionary(setting => $"StreamState:{setting.Item1}", setting => (string?)setting.Item2));

    private static async Task<long> CountAsync(NovaStack stack, string from)
    {
        await using var connection = new NpgsqlConnection(stack.ConnectionString("streams"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {from}", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(NovaStack stack, string sql)
    {
        await using var connection = new NpgsqlConnection(stack.ConnectionString("streams"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
