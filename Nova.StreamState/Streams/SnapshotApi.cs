using System.Text.Json;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

/// <summary>What gateways ask for, once per stream however many viewers come.</summary>
internal static class SnapshotApi
{
    public static void MapSnapshotApi(this WebApplication app) =>
        app.MapInternal().MapGet("/streams/{id}/snapshot", GetAsync);

    private static async Task<IResult> GetAsync(
        string id, StreamQueries queries, PresenceReader presence, IOptions<StreamStateOptions> options, CancellationToken cancellationToken)
    {
        if (!Uuid.TryParse(id, out var streamId) || await queries.ReadSnapshotAsync(streamId, cancellationToken) is not { } stored
            || stored.Stream.EndedAt < stored.Now - options.Value.EndedRetention)
        {
            return StreamProblems.NotFound();
        }

        var (stream, now) = (stored.Stream, stored.Now);
        var events = stored.Events
            .Select(recent => new SnapshotEvent(recent.Version, recent.Event, JsonElement.Parse(recent.Envelope)))
            .Where(recent => stream.Status != StreamStatus.Ended || recent.Event == EventNames.StreamEnded); // Of an ended stream, only its end (S11).
        var totals = stream.Status == StreamStatus.Ended ? null : await presence.ReadAsync(streamId, PresenceReader.Patience, cancellationToken);
        return TypedResults.Ok(new StreamSnapshot(
            stream.StreamId, stream.Version, stream.Status, stream.Visibility, stream.BroadcasterId, stream.BroadcasterName, stream.Quality,
            stream.BitrateKbps, stream.Fps, stream.StartedAt, stream.DurationSeconds(now),
            Math.Max(stream.PeakViewers, totals?.PeakViewers ?? 0), totals?.ViewerCount ?? stream.ViewerCount, [.. events], stored.Kicks));
    }
}
