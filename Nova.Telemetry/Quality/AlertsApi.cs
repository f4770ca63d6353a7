using Microsoft.AspNetCore.Mvc;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;

namespace Nova.Telemetry.Quality;

/// <summary>Alerts of changes that hurt: those that last, and those of before.</summary>
internal static class AlertsApi
{
    public const int DefaultPageSize = 50;
    public const int MaxPageSize = 500;

    public static void MapAlertsApi(this WebApplication app) =>
        app.MapGet("/api/v1/quality/alerts", ListAsync).RequireAuthorization().WithTags("Quality").WithName("ListQualityAlerts").Produces<QualityAlertPage>()
            .WithSummary("Changes that hurt their viewers, newest first; state=open for those that still do")
            .ProducesProblem(400).ProducesProblem(401).ProducesProblem(403);

    private static async Task<IResult> ListAsync(
        [FromQuery(Name = "stream_id")] string? streamId, string? state, string? cursor, string? limit, Caller caller, ReportAccess access, AlertStore alerts,
        CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var stream = errors.Id("stream_id", streamId);
        var isOpen = errors.Choice<bool>("state", state, TryParseState, "open, cleared");
        var after = PageCursor.Read(cursor, errors);
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (await access.CheckAsync(caller, stream, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        var rows = await alerts.ListAsync(stream, isOpen, after, size + 1, cancellationToken);
        return TypedResults.Ok(new QualityAlertPage(
            [.. rows.Take(size)], rows.Count > size ? new PageCursor(rows[size - 1].RaisedAt, rows[size - 1].AlertId).ToString() : null));
    }

    private static bool TryParseState(string? text, out bool isOpen)
    {
        isOpen = text == "open";
        return isOpen || text == "cleared";
    }
}
