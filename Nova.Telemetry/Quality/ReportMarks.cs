using Nova.Protocol;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.Telemetry.Quality;

/// <summary>Reads what the judgement needs of reports.</summary>
internal sealed class ReportMarks(NpgsqlDataSource dataSource)
{
    public async Task<List<ReportMark>> ReadAsync(Guid streamId, DateTimeOffset since, DateTimeOffset until, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            "SELECT reported_at, viewer_id, issue_type FROM issues WHERE stream_id = $1 AND reported_at >= $2 AND reported_at < $3");
        select.Parameters.Add(new() { Value = streamId });
        select.Parameters.Add(new() { Value = since });
        select.Parameters.Add(new() { Value = until });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<ReportMark> marks = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            marks.Add(new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetGuid(1), WireNames<IssueType>.Parse(reader.GetString(2))));
        }

        return marks;
    }

    /// <summary>Streams whose viewers have reported since. To count their viewers here would sort all reports: a second of a core at 2,000/s.</summary>
    public async Task<List<Guid>> FindReportedAsync(DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand("SELECT stream_id FROM issues WHERE reported_at >= $1 GROUP BY stream_id");
        select.Parameters.Add(new() { Value = since });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<Guid> streams = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            streams.Add(reader.Get<Guid>("stream_id"));
        }

        return streams;
    }
}
