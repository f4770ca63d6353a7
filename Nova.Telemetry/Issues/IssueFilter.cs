using Microsoft.AspNetCore.Mvc;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Npgsql;

namespace Nova.Telemetry.Issues;

/// <summary>Which reports are asked for. The same for the list, the summary, the export and the feed.</summary>
internal sealed record IssueFilter(Guid? StreamId, DateTimeOffset? Since, DateTimeOffset? Until, IssueType? IssueType, IssueSeverity? Severity)
{
    /// <summary>Of a WHERE, with $1 to $5.</summary>
    public const string Condition =
        """
        ($1::uuid IS NULL OR stream_id = $1) AND ($2::timestamptz IS NULL OR reported_at >= $2) AND ($3::timestamptz IS NULL OR reported_at < $3)
        AND ($4::text IS NULL OR issue_type = $4) AND ($5::text IS NULL OR severity = $5)
        """;

    public NpgsqlParameter[] Parameters() =>
    [
        new() { Value = StreamId ?? (object)DBNull.Value },
        new() { Value = Since ?? (object)DBNull.Value },
        new() { Value = Until ?? (object)DBNull.Value },
        new() { Value = IssueType is { } type ? WireNames<IssueType>.Of(type) : DBNull.Value },
        new() { Value = Severity is { } severity ? WireNames<IssueSeverity>.Of(severity) : DBNull.Value },
    ];
}

/// <summary>The query parameters of an <see cref="IssueFilter"/>.</summary>
internal sealed record IssueQuery(
    [FromQuery(Name = "stream_id")] string? StreamId,
    [FromQuery(Name = "since")] string? Since,
    [FromQuery(Name = "until")] string? Until,
    [FromQuery(Name = "issue_type")] string? IssueType,
    [FromQuery(Name = "severity")] string? Severity)
{
    public IssueFilter Read(FieldErrors errors)
    {
        var filter = new IssueFilter(
            errors.Id("stream_id", StreamId),
            errors.Time("since", Since),
            errors.Time("until", Until),
            errors.Choice<IssueType>("issue_type", IssueType, WireNames<IssueType>.TryParse, WireNames<IssueType>.Choices),
            errors.Choice<IssueSeverity>("severity", Severity, WireNames<IssueSeverity>.TryParse, WireNames<IssueSeverity>.Choices));
        if (filter.Since > filter.Until)
        {
            errors.Add("since", "must not be later than until");
        }

        return filter;
    }
}
