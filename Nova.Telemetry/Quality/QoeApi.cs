using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Quality;

/// <summary>What viewers suffered, next to what caused it (PROTOCOL.md 3.3).</summary>
internal static class QoeApi
{
    private static readonly TimeSpan UsualLength = TimeSpan.FromHours(6);

    public static void MapQoeApi(this WebApplication app) =>
        app.MapGet("/api/v1/streams/{id}/qoe", ReadAsync).RequireAuthorization().WithTags("Quality").WithName("ReadQoe").Produces<QoeAnswer>()
            .WithSummary("The stream's quality, bitrate and audience beside its viewers' reports, and what each change did to them")
            .ProducesProblem(400).ProducesProblem(401).ProducesProblem(403).ProducesProblem(404);

    private static async Task<IResult> ReadAsync(
        string id, string? bucket, string? since, string? until, Caller caller, ReportAccess access, TimelineStore timeline, ReportMarks reports, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (stream, refusal) = await access.FindAsync(caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        var errors = new FieldErrors();
        var end = stream.EndedAt?.Add(ChangeJudge.MaxWindow) is { } ended && ended < time.GetUtcNow() ? ended : time.GetUtcNow();
        var start = stream.StartedAt ?? stream.CreatedAt;
        var usually = (Since: start > end - UsualLength ? start : end - UsualLength, Until: end);
        var range = TimeRange.Read(bucket, errors.Time("since", since), errors.Time("until", until), usually, errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var entries = await timeline.ReadAsync(stream.StreamId, range.Since, range.Until, cancellationToken);
        var marks = await reports.ReadAsync(stream.StreamId, range.Since, range.Until, cancellationToken);
        return TypedResults.Ok(Answer(stream.StreamId, range, entries, marks));
    }

    private static QoeAnswer Answer(Guid streamId, TimeRange range, IReadOnlyList<TimelineEntry> entries, IReadOnlyList<ReportMark> reports)
    {
        var history = new StreamHistory(entries, range.Since, range.Until);
        var changes = ChangeJudge.Judge(history, reports);
        var harmful = changes.Where(change => change.Verdict == Verdict.Harmful).MinBy(change => change.Lifts.Min(lift => lift.AdjustedPValue));
        return new(
            streamId, range.Since, range.Until, (int)range.Bucket.TotalSeconds,
            harmful?.Summary ?? (changes.Count == 0 ? "Nothing changed in this time." : "No change in this time hurt its viewers by more than chance explains."),
            [
                .. changes.Select(judged => new QoeChange(
                    judged.Change.At, judged.Change.Kind, judged.Change.Description, judged.Verdict, judged.Summary, Math.Round(judged.WindowSeconds, 1),
                    Math.Round(judged.AudienceBefore, 1), Math.Round(judged.AudienceAfter, 1), judged.Lifts)),
            ],
            Points(range, history, entries, reports));
    }

    private static List<QoePoint> Points(TimeRange range, StreamHistory history, IReadOnlyList<TimelineEntry> entries, IReadOnlyList<ReportMark> reports)
    {
        var reported = reports.ToLookup(report => range.StartOf(report.At));
        List<QoePoint> points = [];
        (StreamQuality? quality, var next) = (null, 0);
        foreach (var (start, end) in range.Buckets())
        {
            (int? kbps, StreamHealth? health) = (null, null);
            for (; next < entries.Count && entries[next].HappenedAt < end; next++)
            {
                quality = QualityOf(entries[next]) ?? quality;
                kbps = entries[next].BitrateKbps ?? kbps;
                health = entries[next].Health ?? health;
            }

            var audience = history.Audience.ViewerSeconds(start, end) / (end - start).TotalSeconds;
            var inside = reported[start].ToList();
            var viewers = inside.Select(report => report.ViewerId).Distinct().Count();
            points.Add(new(
                start, Math.Round(audience, 1), quality, kbps, health, inside.Count, viewers, audience > 0 ? Math.Round(1000 * viewers / audience, 2) : null,
                inside.GroupBy(report => report.IssueType).ToDictionary(type => WireNames<IssueType>.Of(type.Key), type => type.Count())));
        }

        return points;
    }

    private static StreamQuality? QualityOf(TimelineEntry entry)
    {
        var member = entry.Kind switch { EventNames.StreamStarted => "quality", EventNames.QualityChanged => "new_quality", _ => null };
        return member is not null && entry.Data?.TryGetProperty(member, out var value) == true && WireNames<StreamQuality>.TryParse(value.GetString(), out var quality)
            ? quality
            : null;
    }
}
