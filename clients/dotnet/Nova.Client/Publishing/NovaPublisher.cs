using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using Nova.Client.Publishing;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>
/// The publisher's API, typed. Calls that fail for now (no connection, 429, 502, 503, 504) are repeated for <see cref="NovaClientOptions.RetryFor"/>, and happen once. Every call
/// throws <see cref="NovaApiException"/> where Nova refuses it, and <see cref="HttpRequestException"/> where Nova cannot be reached.
/// </summary>
/// <remarks>Where a call takes <c>ifVersion</c>, Nova makes the change only if that is the stream's version still, and else refuses it with 412.</remarks>
public sealed class NovaPublisher : IDisposable
{
    private readonly ApiCalls _calls;

    /// <param name="options">Address and token.</param>
    /// <param name="http">Yours, such as a factory's; it is not disposed of.</param>
    /// <param name="time">The clock.</param>
    public NovaPublisher(NovaClientOptions options, HttpClient? http = null, TimeProvider? time = null) => _calls = new ApiCalls(options, http, time);

    public Uri Address => _calls.Address;

    public Task<StreamResource> CreateAsync(CreateStream stream, CancellationToken cancellationToken = default) =>
        _calls.SendAsync(HttpMethod.Post, "/api/v1/streams", NovaClientJson.Default.StreamResource, JsonContent.Create(stream, NovaClientJson.Default.CreateStream), null, cancellationToken);

    public Task<StreamResource> GetAsync(Guid streamId, CancellationToken cancellationToken = default) =>
        _calls.SendAsync(HttpMethod.Get, Path(streamId), NovaClientJson.Default.StreamResource, null, null, cancellationToken);

    /// <summary>Streams that the caller may watch, newest first, page by page as they are read.</summary>
    public async IAsyncEnumerable<StreamResource> ListAsync(
        StreamStatus? status = null, string? broadcasterId = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var query = new Query("/api/v1/streams").Add("status", status is { } one ? WireNames<StreamStatus>.Of(one) : null).Add("broadcaster_id", broadcasterId).Add("limit", "200");
        string? cursor = null;
        do
        {
            var page = await _calls.SendAsync(HttpMethod.Get, query.With("cursor", cursor), NovaClientJson.Default.StreamPage, null, null, cancellationToken);
            foreach (var stream in page.Streams)
            {
                yield return stream;
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    public Task<StreamResource> UpdateAsync(Guid streamId, UpdateStream changes, long? ifVersion = null, CancellationToken cancellationToken = default) =>
        _calls.SendAsync(HttpMethod.Patch, Path(streamId), NovaClientJson.Default.StreamResource, JsonContent.Create(changes, NovaClientJson.Default.UpdateStream), ifVersion, cancellationToken);

    public Task<StreamResource> StartAsync(Guid streamId, StartStream start, long? ifVersion = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(streamId, "start", JsonContent.Create(start, NovaClientJson.Default.StartStream), ifVersion, cancellationToken);

    public Task<StreamResource> ChangeQualityAsync(Guid streamId, ChangeQuality change, long? ifVersion = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(streamId, "quality", JsonContent.Create(change, NovaClientJson.Default.ChangeQuality), ifVersion, cancellationToken);

    /// <summary>A measurement, and a sign of life.</summary>
    public Task ReportBitrateAsync(Guid streamId, int currentBitrateKbps, CancellationToken cancellationToken = default) =>
        SendAsync(streamId, "bitrate", JsonContent.Create(new BitrateSample(currentBitrateKbps), NovaClientJson.Default.BitrateSample), null, cancellationToken);

    /// <summary>A sign of life. After the first one, 15 s without any call are RTMP_CONNECTION_LOST, and 30 s more end the stream.</summary>
    public Task HeartbeatAsync(Guid streamId, CancellationToken cancellationToken = default) => SendAsync(streamId, "heartbeat", null, null, cancellationToken);

    public Task PublishErrorAsync(Guid streamId, PublishError error, long? ifVersion = null, CancellationToken cancellationToken = default) =>
        SendAsync(streamId, "error", JsonContent.Create(error, NovaClientJson.Default.PublishError), ifVersion, cancellationToken);

    /// <summary>Ends the broadcast for good.</summary>
    public Task<StreamResource> EndAsync(Guid streamId, EndReason? reason = null, long? ifVersion = null, CancellationToken cancellationToken = default) =>
        ChangeAsync(streamId, "end", JsonContent.Create(new EndStream(reason), NovaClientJson.Default.EndStream), ifVersion, cancellationToken);

    /// <summary>Deletes a stream that has not started.</summary>
    public async Task DeleteAsync(Guid streamId, long? ifVersion = null, CancellationToken cancellationToken = default)
    {
        using var answer = await _calls.SendAsync(HttpMethod.Delete, Path(streamId), null, ifVersion, cancellationToken);
    }

    /// <summary>Who watches, a row for each viewer and gateway.</summary>
    public async IAsyncEnumerable<ConnectedViewer> ListViewersAsync(Guid streamId, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? cursor = null;
        do
        {
            var path = new Query($"{Path(streamId)}/viewers").Add("limit", "200").With("cursor", cursor);
            var page = await _calls.SendAsync(HttpMethod.Get, path, NovaClientJson.Default.ViewerPage, null, null, cancellationToken);
            foreach (var viewer in page.Viewers)
            {
                yield return viewer;
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    /// <summary>Closes a viewer's sockets on every gateway, and refuses it for ten minutes.</summary>
    public async Task KickAsync(Guid streamId, Guid viewerId, CancellationToken cancellationToken = default)
    {
        using var answer = await _calls.SendAsync(HttpMethod.Delete, $"{Path(streamId)}/viewers/{viewerId}", null, null, cancellationToken);
    }

    public void Dispose() => _calls.Dispose();

    private Task<StreamResource> ChangeAsync(Guid streamId, string call, HttpContent body, long? ifVersion, CancellationToken cancellationToken) =>
        _calls.SendAsync(HttpMethod.Post, $"{Path(streamId)}/{call}", NovaClientJson.Default.StreamResource, body, ifVersion, cancellationToken);

    private async Task SendAsync(Guid streamId, string call, HttpContent? body, long? ifVersion, CancellationToken cancellationToken)
    {
        using var answer = await _calls.SendAsync(HttpMethod.Post, $"{Path(streamId)}/{call}", body, ifVersion, cancellationToken);
    }

    private static string Path(Guid streamId) => $"/api/v1/streams/{streamId}";
}
