using System.Text.Json;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.StreamState.Streams;

/// <summary>What gateways ask for, once per stream however many viewers come.</summary>
internal static class SnapshotApi
{
    public static void MapSnapshotApi(this WebApplication app) =>
        app.MapInternal().MapGet("/streams/{id}/snapshot", GetAsync);

    private static async Task<IResult> GetAsync(
        string id, StreamStore store, LiveNumbersReader liveNumbers, IOptions<StreamStateOptions> options, CancellationToken cancellationToken)
    {
        if (!StreamChanges.TryReadId(id, out var streamId) || await store.FindAsync(streamId, cancellationToken) is not { } found
            || found.Stream.EndedAt < found.Now - options.Value.EndedRetention)
        {
            return StreamChanges.NotFound();
        }

        // Events read after the stream may be newer than it; they are left to the channel, which will bring them.
        var (stream, now) = (found.Stream, found.Now);
        var events = (await store.EventsAsync(streamId, cancellationToken))
            .Where(recent => recent.Version <= stream.Version)
            .Select(recent => new SnapshotEvent(recent.Version, recent.Event, JsonElement.Parse(recent.Envelope)))
            .Where(recent => IsInForce(stream, recent));
        var live = stream.Status == StreamStatus.Ended ? null : await liveNumbers.ReadAsync(streamId);
        return TypedResults.Ok(new StreamSnapshot(
            stream.StreamId, stream.Version, stream.Status, stream.Visibility, stream.BroadcasterId, stream.BroadcasterName, stream.Quality,
            stream.BitrateKbps, stream.Fps, stream.StartedAt, stream.DurationSeconds(now),
            Math.Max(stream.PeakViewers, live?.PeakViewers ?? 0), live?.ViewerCount ?? stream.ViewerCount, [.. events],
            await store.RemovedViewersAsync(streamId, cancellationToken)));
    }

    /// <summary>
    /// A late joiner is told the start, the newest quality change and an error that still holds (S15); of an ended stream, only its end (S11).
    /// An error holds until a milder one replaces it.
    /// </summary>
    private static bool IsInForce(StreamRecord stream, SnapshotEvent recent) => recent.Event switch
    {
        EventNames.StreamEnded => true,
        _ when stream.Status == StreamStatus.Ended => false,
        EventNames.Error => recent.Envelope.GetProperty("data").GetProperty("severity").GetString() is "error" or "critical",
        _ => true,
    };
}
