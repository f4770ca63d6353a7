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
        streams.MapPost("/{id}/bitrate", MeasureBitrateAsync).IsChange("MeasureBitrate", "Report a bitrate measurement; a sign of life").Produces<Accepted>(202);
        streams.MapPost("/{id}/heartbeat", HeartbeatAsync).IsChange("Heartbeat", "A sign of life; the first one starts the watch").Produces(204);
    }

    private static async Task<IResult> MeasureBitrateAsync(
        string id, BitrateSampleRequest request, HttpContext http, Caller caller, PublisherCalls calls, BitrateSampler sampler, StreamResults results,
        CancellationToken cancellationToken)
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

        await sampler.AddAsync(stream, kbps, cancellationToken);
        return results.Accepted(stream);
    }

    private static async Task<IResult> HeartbeatAsync(
        string id, HttpContext http, Caller caller, PublisherCalls calls, BroadcasterLiveness liveness, CancellationToken cancellationToken)
    {
        var (stream, refusal) = await calls.FindForPublisherAsync(http.Request, caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        await liveness.RecordHeartbeatAsync(stream.StreamId, cancellationToken);
        return StreamResults.NoContent(stream);
    }
}
