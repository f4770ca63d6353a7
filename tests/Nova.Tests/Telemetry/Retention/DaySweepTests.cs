using Nova.Tests.Support;
using Npgsql;

namespace Nova.Tests.Telemetry.Retention;

/// <summary>Days are made ahead, and dropped when they are past Telemetry:Retention.</summary>
public sealed class DaySweepTests(NovaFixture nova)
{
    [Fact]
    public async Task Days_AreMadeAhead_AndOldOnesDropped_WithTheirNames()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?>
        {
            ["Telemetry:Retention"] = "2.00:00:00",
            ["Telemetry:RetentionInterval"] = "00:00:01",
        });
        await using var dataSource = NpgsqlDataSource.Create(stack.ConnectionString("telemetry"));
        await Eventually.TrueAsync(async () => (await DaysAsync(dataSource)).Contains(Name(7)), "a week ahead is made", TimeSpan.FromSeconds(20));

        // Two reports of three days ago: one in a table of its day, one in the table of other days. Two of yesterday stay.
        await ExecuteAsync(dataSource, "SELECT add_day('issues', ((now() AT TIME ZONE 'UTC') - interval '3 days')::date)");
        foreach (var age in new[] { "3 days", "5 days", "1 day", "1 day" })
        {
            await ExecuteAsync(
                dataSource,
                $"""
                INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, issue_type, severity, description, reported_at)
                VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 's', 'lag', 'low', '', now() - interval '{age}');
                INSERT INTO report_names VALUES (gen_random_uuid(), gen_random_uuid(), 'r', gen_random_uuid(), now() - interval '{age}');
                """);
        }

        await Eventually.TrueAsync(
            async () => !(await DaysAsync(dataSource)).Contains(Name(-3)) && await CountAsync(dataSource, "issues") == 2 && await CountAsync(dataSource, "report_names") == 2,
            "what is past is gone", TimeSpan.FromSeconds(20));
    }

    private static string Name(int days) => $"issues_{DateTime.UtcNow.AddDays(days):yyyy_MM_dd}";

    private static async Task<HashSet<string>> DaysAsync(NpgsqlDataSource dataSource)
    {
        await using var select = dataSource.CreateCommand("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'issues'::regclass");
        await using var reader = await select.ExecuteReaderAsync();
        HashSet<string> days = [];
        while (await reader.ReadAsync())
        {
            days.Add(reader.GetString(0));
        }

        return days;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource dataSource, string sql)
    {
        await using var command = dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> CountAsync(NpgsqlDataSource dataSource, string table)
    {
        await using var count = dataSource.CreateCommand($"SELECT count(*) FROM {table}");
        return (long)(await count.ExecuteScalarAsync())!;
    }
}
