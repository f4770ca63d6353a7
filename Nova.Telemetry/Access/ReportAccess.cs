using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Access;

/// <summary>Who may read reports: operators all of them, a broadcaster those of its own streams, viewers none.</summary>
internal sealed class ReportAccess(TimelineStore timeline, StreamStateClient streamState)
{
    /// <summary>For what is asked over all streams, or over one.</summary>
    /// <returns>Null where the caller may.</returns>
    public async Task<IResult?> CheckAsync(Caller caller, Guid? streamId, CancellationToken cancellationToken) => (caller.Role, streamId) switch
    {
        (CallerRole.Operator, _) => null,
        (CallerRole.Broadcaster, { } id) => (await FindAsync(caller, id, cancellationToken)).Refusal,
        (CallerRole.Broadcaster, null) => Forbidden("Only operators read the reports of all streams; name one of your streams by stream_id."),
        _ => Forbidden("Only operators and the stream's broadcaster read issue reports."),
    };

    /// <summary>For what is asked of one stream.</summary>
    public async Task<(KnownStream? Stream, IResult? Refusal)> FindAsync(Caller caller, string id, CancellationToken cancellationToken) =>
        caller.Role == CallerRole.Viewer ? (null, Forbidden("Only operators and the stream's broadcaster read issue reports."))
        : Uuid.TryParse(id, out var streamId) ? await FindAsync(caller, streamId, cancellationToken)
        : (null, NotFound());

    private async Task<(KnownStream? Stream, IResult? Refusal)> FindAsync(Caller caller, Guid streamId, CancellationToken cancellationToken)
    {
        // A stream that has just been created is not in the timeline yet.
        var stream = await timeline.FindStreamAsync(streamId, cancellationToken) ?? await streamState.FindAsync(streamId, cancellationToken);
        return stream is null ? (null, NotFound())
            : caller.MayPublish(stream.BroadcasterId) ? (stream, null)
            : (null, Forbidden("Only operators and the stream's broadcaster read its issue reports."));
    }

    private static IResult NotFound() => Problems.Create(StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");

    private static IResult Forbidden(string detail) => Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, detail);
}
