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

    /// <summary>
    /// Rooms that are opened at once. Of 1,000 that were asked for at the same time some were not answered in their second; 64 keep
    /// StreamState busy as well, and each of them is answered soon.
    /// </summary>
    private static readonly SemaphoreSlim Openings = new(64);

    /// <summary>Of the 3 s that a viewer's upgrade may take; waiting for a turn is part of it.</summary>
    private static readonly TimeSpan OpeningTime = TimeSpan.FromSeconds(2.8);

    /// <summary>Reads a stream for the first viewer who comes.</summary>
    /// <returns>Null where there is no such stream, or no longer.</returns>
    /// <exception cref="StreamStateUnavailableException">It did not answer.</exception>
    public async Task<StreamSnapshot?> ReadForOpeningAsync(Guid streamId)
    {
        using var deadline = new CancellationTokenSource(OpeningTime);
        try
        {
            return await InTurnAsync(Openings, streamId, deadline.Token);
        }
        catch (OperationCanceledException exception)
        {
            throw new StreamStateUnavailableException($"stream-state has not answered in {OpeningTime.TotalSeconds} s", exception);
        }
    }

    /// <summary>Reads a stream for a room that is open already.</summary>
    /// <returns>Null where there is no such stream, or no longer.</returns>
    /// <exception cref="StreamStateUnavailableException">It did not answer.</exception>
    public Task<StreamSnapshot?> ReadForRepairAsync(Guid streamId, CancellationToken cancellationToken) => InTurnAsync(Repairs, streamId, cancellationToken);

    private async Task<StreamSnapshot?> InTurnAsync(SemaphoreSlim turns, Guid streamId, CancellationToken cancellationToken)
    {
        await turns.WaitAsync(cancellationToken);
        try
        {
            return await ReadAsync(streamId, cancellationToken);
        }
        finally
        {
            turns.Release();
        }
    }

    private async Task<StreamSnapshot?> ReadAsync(Guid streamId, CancellationToken cancellationToken)
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
}
