using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Nova.Protocol;
using Polly;

namespace Nova.Gateway.Feed;

/// <summary>Whether a stream exists, and how it stands, cannot be found out now: never a 404 (S47).</summary>
internal sealed class StreamStateUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Reads streams from StreamState.</summary>
internal sealed class SnapshotClient(HttpClient http)
{
    /// <summary>
    /// Rooms that are brought up to date at once. When Redis is back every room wants it, and viewers who come meanwhile must not wait behind
    /// thousands of them.
    /// </summary>
    private static readonly SemaphoreSlim Repairs = new(16);

    /// <returns>Null where there is no such stream, or no longer.</returns>
    /// <exception cref="StreamStateUnavailableException">It did not answer.</exception>
    public async Task<StreamSnapshot?> ReadAsync(Guid streamId, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync($"internal/streams/{streamId:D}/snapshot", cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => await response.Content.ReadFromJsonAsync(ProtocolJson.Default.StreamSnapshot, cancellationToken),
                HttpStatusCode.NotFound => null,
                var status => throw new StreamStateUnavailableException($"stream-state answered {(int)status}"),
            };
        }
        catch (Exception exception) when (exception is HttpRequestException or ExecutionRejectedException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new StreamStateUnavailableException($"stream-state cannot be asked: {exception.Message}", exception);
        }
    }

    /// <summary>The same for a room that is open already: it takes its turn with the others.</summary>
    public async Task<StreamSnapshot?> ReadForRepairAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await Repairs.WaitAsync(cancellationToken);
        try
        {
            return await ReadAsync(streamId, cancellationToken);
        }
        finally
        {
            Repairs.Release();
        }
    }
}
