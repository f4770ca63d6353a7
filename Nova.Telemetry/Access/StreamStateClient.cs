using System.Net;
using System.Net.Http.Json;
using Nova.Protocol;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Access;

/// <summary>Asks StreamState for a stream.</summary>
internal sealed class StreamStateClient(IHttpClientFactory clients)
{
    /// <returns>Null where there is no such stream.</returns>
    /// <exception cref="HttpRequestException">It does not answer.</exception>
    public async Task<KnownStream?> FindAsync(Guid streamId, CancellationToken cancellationToken)
    {
        using var response = await clients.CreateClient(TimelineFollower.Client).GetAsync($"internal/streams/{streamId:D}/snapshot", cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        response.EnsureSuccessStatusCode();
        var stream = await response.Content.ReadFromJsonAsync(ProtocolJson.Default.StreamSnapshot, cancellationToken);
        return new(stream!.StreamId, stream.BroadcasterId, stream.StartedAt ?? DateTimeOffset.UtcNow, stream.StartedAt, EndedAt: null);
    }
}
