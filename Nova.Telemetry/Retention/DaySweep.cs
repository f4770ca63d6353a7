using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.Telemetry.Retention;

/// <summary>Makes the tables of the next days and drops those that are past <c>Telemetry:Retention</c>. One replica at a time.</summary>
internal sealed class DaySweep(
    NpgsqlDataSource dataSource, SchemaMigration schema, Leases leases, LoopGuards guards, IOptions<TelemetryOptions> options, TelemetryMetrics metrics,
    TimeProvider time) : BackgroundService
{
    /// <summary>So long may no replica run before reports come into the table of other days, from which they are moved later.</summary>
    private const int DaysAhead = 7;

    private const int Batch = 5000;

    private static readonly string[] Tables = ["issues", "timeline"];

    /// <summary>What is not by day is deleted in short steps. What was judged or named longer ago than the reports of it are kept says nothing any more.</summary>
    private static readonly (string What, string Delete)[] Rules =
    [
        ("report_names", "DELETE FROM report_names WHERE ctid = ANY(ARRAY(SELECT ctid FROM report_names WHERE reported_at < $1 LIMIT $2))"),
        ("quality_alerts", "DELETE FROM quality_alerts WHERE ctid = ANY(ARRAY(SELECT ctid FROM quality_alerts WHERE raised_at < $1 LIMIT $2))"),
        ("rejected_issues", "DELETE FROM rejected_issues WHERE ctid = ANY(ARRAY(SELECT ctid FROM rejected_issues WHERE rejected_at < $1 LIMIT $2))"),
        ("issues", "DELETE FROM issues_other WHERE ctid = ANY(ARRAY(SELECT ctid FROM issues_other WHERE reported_at < $1 LIMIT $2))"),
        ("timeline", "DELETE FROM timeline_other WHERE ctid = ANY(ARRAY(SELECT ctid FROM timeline_other WHERE happened_at < $1 LIMIT $2))"),
        ("streams", "DELETE FROM streams WHERE ctid = ANY(ARRAY(SELECT ctid FROM streams WHERE created_at < $1 AND ended_at < $1 LIMIT $2))"),
    ];

    private readonly Leases.Lease _lease = leases.For("days");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["retention"].RunAsync(SweepAsync, stoppingToken); // Once at the start: the first day has no table yet.
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (await _lease.TryHoldAsync(cancellationToken))
        {
            await AddDaysAsync(cancellationToken);
            await DropDaysAsync(cancellationToken);
            await DeleteAsync(cancellationToken);
        }

        await Task.Delay(options.Value.RetentionInterval, time, cancellationToken);
    }

    private async Task AddDaysAsync(CancellationToken cancellationToken)
    {
        foreach (var table in Tables)
        {
            await using var add = dataSource.CreateCommand("SELECT add_day($1, (now() AT TIME ZONE 'UTC')::date + day) FROM generate_series(-1, $2) AS day");
            add.Parameters.Add(new() { Value = table });
            add.Parameters.Add(new() { Value = DaysAhead });
            await add.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task DropDaysAsync(CancellationToken cancellationToken)
    {
        foreach (var day in await FindOldDaysAsync(cancellationToken))
        {
            // A query that reads the parent holds this up, and everybody behind it: it gives up soon and comes again with the next sweep.
            await using var drop = dataSource.CreateBatch();
            drop.BatchCommands.Add(new("SELECT set_config('lock_timeout', '2s', true)"));
            drop.BatchCommands.Add(new($"DROP TABLE \"{day}\""));
            await drop.ExecuteNonQueryAsync(cancellationToken);
            metrics.DayDropped();
        }
    }

    private async Task<List<string>> FindOldDaysAsync(CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            """
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = ANY($1::regclass[]) AND right(c.relname, 10) ~ '^\d{4}_\d\d_\d\d$' AND to_date(right(c.relname, 10), 'YYYY_MM_DD') < $2
            ORDER BY 1
            """);
        select.Parameters.Add(new() { Value = Tables });
        select.Parameters.Add(new() { Value = DateOnly.FromDateTime(Oldest().UtcDateTime) });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<string> days = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            days.Add(reader.GetString(0));
        }

        return days;
    }

    private async Task DeleteAsync(CancellationToken cancellationToken)
    {
        foreach (var (what, delete) in Rules)
        {
            var deleted = Batch;
            while (deleted == Batch && await _lease.TryHoldAsync(cancellationToken))
            {
                await using var command = dataSource.CreateCommand(delete);
                command.Parameters.Add(new() { Value = Oldest() });
                command.Parameters.Add(new() { Value = Batch });
                deleted = await command.ExecuteNonQueryAsync(cancellationToken);
                metrics.Deleted(what, deleted);
            }
        }
    }

    private DateTimeOffset Oldest() => time.GetUtcNow() - options.Value.Retention;
}
