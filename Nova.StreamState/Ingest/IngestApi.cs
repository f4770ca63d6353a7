using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Streams;

namespace Nova.StreamState.Ingest;

/// <summary>The publisher's calls that change no state: measurements and heartbeats (PROTOCOL.md 3.2).</summary>
internal static class IngestApi
{
    public static void MapIngestApi(this WebApplication app)
    {
        var streams = app.MapGroup("/api/v1/streams").RequireAuthorization().WithTags("Streams").ProducesProblem(StatusCodes.Status401Unauthorized);
        streams.MapPost("/{id}/bitrate", MeasureBitrateAsync).IsChange("MeasureBitrate", "Report a bitrate measurement; a sign of life", hasKey: false).Produces<Accepted>(202);
        streams.MapPost("/{id}/heartbeat", HeartbeatAsync).IsChange("Heartbeat", "A sign of life; the first one starts the watch", hasKey: false).Produces(204);
    }

    private static async Task<IResult> MeasureBitrateAsync(
        string id, BitrateSampleRequest request, HttpContext http, Caller caller, PublisherCalls calls, IngestSignals signals, StreamResults results,
        StreamStateMetrics metrics, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var kbps = request.Validate(errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var (stream, refusal) = await calls.FindForPublisherAsync(http.Request, caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        metrics.BitrateSample();
        stream = await signals.MeasureAsync(stream, kbps, cancellationToken);
        return stream.Status == StreamStatus.Active ? results.Accepted(stream) : StreamProblems.NotAllowed(stream);
    }

    private static async Task<IResult> HeartbeatAsync(
        string id, HttpContext http, Caller caller, PublisherCalls calls, IngestSignals signals, CancellationToken cancellationToken)
    {
        var (stream, refusal) = await calls.FindForPublisherAsync(http.Request, caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        stream = await signals.BeatAsync(stream, cancellationToken);
        return stream.Status == StreamStatus.Active ? StreamResults.NoContent(stream) : StreamProblems.NotAllowed(stream);
    }
}
