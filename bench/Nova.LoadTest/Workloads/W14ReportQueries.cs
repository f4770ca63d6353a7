using System.Diagnostics;
using System.Globalization;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;
using Npgsql;

namespace Nova.LoadTest.Workloads;

/// <summary>What operators ask of a database full of reports: the list, a day of one stream, the quality of one stream, and an export.</summary>
internal sealed class W14ReportQueries : Workload
{
    private const int DefaultReports = 1_000_000;

    /// <summary>Rows of one statement: a few seconds, so that progress shows.</summary>
    private const int Chunk = 500_000;

    /// <summary>Broadcasts over 29 days, of 6 hours each.</summary>
    private const int Streams = 2000;

    /// <summary>Those that are asked for have a timeline: a change every 12 minutes and a sample every 5 s.</summary>
    private const int Asked = 20;
    private const int Calls = 200;
    private const double MaxMilliseconds = 50;

    public override string Name => "W14";

    public override string Summary => $"queries on {DefaultReports:N0} reports (--reports) of 30 days and {Streams:N0} streams: list, summaries, qoe, export";

    public override async Task RunAsync(Bench bench)
    {
        var reports = bench.Settings.Reports ?? DefaultReports;
        var nova = bench.CreateNova(new NovaLayout(Streams: 1));
        await using var system = nova;
        await QuietMachine.WaitAsync(bench.Settings.QuietWait, bench.Cancellation);
        await nova.StartAsync(viewers: 0, bench.Cancellation);
        await using var database = NpgsqlDataSource.Create(nova.Services.TelemetryDatabase + ";Command Timeout=600");
        await FillAsync(bench, database, reports);

        using var api = nova.Api();
        var streams = await ReadAskedAsync(database, bench.Cancellation);
        foreach (var (what, isGoal, path) in new (string, bool, Func<int, string>)[]
        {
            ("list, first page", true, _ => "issues"),
            ("list of a stream, first page", true, call => $"issues?stream_id={streams[call % Asked].Id}"),
            ("summary of a stream, its day", true, call => $"streams/{streams[call % Asked].Id}/issues/summary?{Day(streams[call % Asked].Start)}"),
            ("qoe of a stream, its 6 hours", true, call => $"streams/{streams[call % Asked].Id}/qoe?{Broadcast(streams[call % Asked].Start)}"),
            ("summary of all streams, a day", false, call => $"issues/summary?{Day(streams[call % Asked].Start)}"),
        })
        {
            var cell = await MeasureAsync(api, what, path, isGoal ? Calls : Asked, bench.Cancellation);
            bench.Report.Add(cell);
            if (isGoal)
            {
                bench.Report.Add(new Goal($"{what}: p95", $"≤ {MaxMilliseconds} ms", $"{cell.Extra["p95 ms"]:F1} ms", cell.Extra["p95 ms"] <= MaxMilliseconds));
            }
        }

        await ExportAsync(bench, nova, api);
    }

    private static async Task FillAsync(Bench bench, NpgsqlDataSource database, int reports)
    {
        var started = Stopwatch.GetTimestamp();
        await ExecuteAsync(database, "SELECT add_day('issues', (now() AT TIME ZONE 'UTC')::date - day), add_day('timeline', (now() AT TIME ZONE 'UTC')::date - day) FROM generate_series(0, 31) AS day");
        await ExecuteAsync(
            database,
            $"""
            INSERT INTO streams SELECT md5('stream' || n)::uuid, 'bench', now() - interval '29 days 12 hours' + n * interval '29 days' / {Streams}
            FROM generate_series(0, {Streams - 1}) AS n
            """);
        for (var done = 0; done < reports; done += Chunk)
        {
            await ExecuteAsync(
                database,
                $"""
                INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, issue_type, severity, description, player, browser, os, network,
                                    bandwidth_estimate_kbps, client_info, reported_at)
                SELECT gen_random_uuid(), md5('stream' || n)::uuid, md5('viewer' || (random() * 20000)::int)::uuid, 'bench',
                       (ARRAY['buffering', 'lag', 'quality', 'playback_error', 'other'])[1 + floor(random() * 5)], (ARRAY['low', 'medium', 'high'])[1 + floor(random() * 3)],
                       'Stalls every few seconds', 'hls.js', 'Firefox ' || (100 + floor(random() * 40)), 'Linux', 'wifi', (random() * 30000)::int,
                       '{"{"}"player":"hls.js","browser":"Firefox","os":"Linux","network":"wifi","bandwidth_estimate_kbps":4200{"}"}',
                       now() - interval '29 days 12 hours' + n * interval '29 days' / {Streams} + random() * interval '6 hours'
                FROM (SELECT floor(random() * {Streams})::int AS n FROM generate_series(1, {Math.Min(Chunk, reports - done)})) AS chosen
                """);
            Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r  {done + Chunk:N0} of {reports:N0} reports"));
        }

        Console.Error.WriteLine();
        var perSecond = reports / Stopwatch.GetElapsedTime(started).TotalSeconds;
        await ExecuteAsync(
            database,
            $"""
            INSERT INTO timeline (stream_id, happened_at, kind, version, viewer_count, bitrate_kbps, health)
            SELECT s.stream_id, s.created_at + sample * interval '5 seconds', 'sample', 0, 1000 + (random() * 100)::int, 4000, 'good'
            FROM (SELECT * FROM streams WHERE broadcaster_id = 'bench' ORDER BY stream_id LIMIT {Asked}) s, generate_series(0, 4319) AS sample;
            INSERT INTO timeline (stream_id, happened_at, kind, version, data)
            SELECT s.stream_id, s.created_at + change * interval '12 minutes', 'quality_changed', change, '{"{"}"previous_quality":"1080p","new_quality":"720p"{"}"}'
            FROM (SELECT * FROM streams WHERE broadcaster_id = 'bench' ORDER BY stream_id LIMIT {Asked}) s, generate_series(1, 29) AS change;
            """);
        await ExecuteAsync(database, "VACUUM (ANALYZE)"); // As autovacuum does by and by.
        await ExecuteAsync(database, "CHECKPOINT"); // Else PostgreSQL writes 6 GB while it is asked: a month's reports do not come within minutes.
        await using var size = database.CreateCommand("SELECT sum(pg_total_relation_size(inhrelid))::float8 FROM pg_inherits WHERE inhparent = 'issues'::regclass");
        var megabytes = (double)(await size.ExecuteScalarAsync(bench.Cancellation))! / 1e6;
        bench.Report.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"{reports:N0} reports are {megabytes:N0} MB with their indexes, {megabytes / reports * 1e6:N0} MB per million; generated at {perSecond:N0}/s by PostgreSQL itself"));
    }

    private static async Task<Measurement> MeasureAsync(NovaApi api, string what, Func<int, string> path, int calls, CancellationToken cancellationToken)
    {
        var latencies = Latency.NewHistogram();
        for (var call = -calls / 10; call < calls; call++)
        {
            var started = Stopwatch.GetTimestamp();
            await api.GetAsync(path(Math.Abs(call)), cancellationToken);
            if (call >= 0)
            {
                latencies.RecordValue(Latency.Microseconds((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds));
            }
        }

        return new Measurement("W14", "nova", what, Viewers: 0) { Latency = Latencies.Of(latencies), Extra = new() { ["p95 ms"] = latencies.Milliseconds(95) } };
    }

    private static async Task ExportAsync(Bench bench, NovaSystem nova, NovaApi api)
    {
        var telemetry = nova.Services.TelemetryProcess;
        var before = ProcFile.ResidentBytes([telemetry]);
        var peak = before;
        var started = Stopwatch.GetTimestamp();
        var lines = await api.CountLinesAsync("issues/export?format=jsonl", () => peak = Math.Max(peak, ProcFile.ResidentBytes([telemetry])), bench.Cancellation);
        bench.Report.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"Export of {lines:N0} reports as JSON lines: {lines / Stopwatch.GetElapsedTime(started).TotalSeconds:N0}/s; Telemetry's memory {before / 1e6:N0} MB before, {peak / 1e6:N0} MB at most"));
    }

    private static async Task<List<(Guid Id, DateTimeOffset Start)>> ReadAskedAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var select = database.CreateCommand($"SELECT stream_id, created_at FROM streams WHERE broadcaster_id = 'bench' ORDER BY stream_id LIMIT {Asked}");
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<(Guid, DateTimeOffset)> streams = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            streams.Add((reader.GetGuid(0), reader.GetFieldValue<DateTimeOffset>(1)));
        }

        return streams;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static string Day(DateTimeOffset start) => Range(start, TimeSpan.FromDays(1));

    private static string Broadcast(DateTimeOffset start) => Range(start, TimeSpan.FromHours(6));

    private static string Range(DateTimeOffset start, TimeSpan length) => $"since={start.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}&until={(start + length).UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}";
}
