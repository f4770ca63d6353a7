using System.Diagnostics;
using Nova.Client;
using Nova.Protocol;

namespace Nova.Demo;

/// <summary>
/// A simulated broadcast that uses Nova as real clients do: REST calls for the broadcaster, WebSockets for the viewers. The values are made up;
/// their whole path is real.
/// </summary>
public sealed class DemoBroadcaster : IAsyncDisposable
{
    /// <summary>The subject of its tokens, and so the <c>broadcaster_id</c> of its stream.</summary>
    public const string BroadcasterId = "demo-broadcaster";

    private const int FirstKbps = 5000;

    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(7);

    /// <summary>A trace of the demo begins where the broadcaster's tool decides to call.</summary>
    private static readonly ActivitySource Activities = new("Nova.Demo");

    /// <summary>The qualities in turn. The last one is the initial quality, so that every step is a change.</summary>
    private static readonly ChangeQuality[] Qualities =
    [
        new(StreamQuality.P720, 3000, QualityChangeReason.NetworkCongestion, 60),
        new(StreamQuality.P1080, 5000, QualityChangeReason.AdaptiveBitrate, 60),
        new(StreamQuality.P4K, 14_000, QualityChangeReason.BroadcasterChanged, 60),
        new(StreamQuality.P1080, FirstKbps, QualityChangeReason.AdaptiveBitrate, 60),
    ];

    private static readonly PublishError Overflow = new(
        ErrorCodes.BufferOverflow, "The ingest buffer overflowed for a moment", ErrorSeverity.Warning, Recoverable: true, "None, playback goes on");

    private readonly NovaPublisher _publisher;
    private readonly CancellationTokenSource _stop = new();
    private readonly string _broadcasterToken;
    private readonly string _viewerToken;
    private readonly DemoAudience _audience;
    private Task _broadcast = Task.CompletedTask;
    private int _kbps = FirstKbps;

    private DemoBroadcaster(IReadOnlyList<Uri> gateways, NovaPublisher publisher, string broadcasterToken, string viewerToken, Guid streamId)
    {
        _publisher = publisher;
        _broadcasterToken = broadcasterToken;
        _viewerToken = viewerToken;
        StreamId = streamId;
        _audience = new DemoAudience(gateways, streamId, viewerToken);
    }

    public Guid StreamId { get; }

    /// <summary>Completes when somebody else has ended the stream.</summary>
    public Task Ended => _broadcast;

    /// <param name="gateways">The broadcaster calls the first one; each viewer connects to any of them.</param>
    /// <exception cref="HttpRequestException">The gateway cannot be reached.</exception>
    /// <exception cref="NovaApiException">It refuses a call.</exception>
    public static async Task<DemoBroadcaster> StartAsync(IReadOnlyList<Uri> gateways, CancellationToken cancellationToken)
    {
        var broadcaster = await DevelopmentTokens.CreateAsync(gateways[0], BroadcasterId, "broadcaster", lifetime: TokenLifetime, cancellationToken: cancellationToken);
        var viewer = await DevelopmentTokens.CreateAsync(gateways[0], "demo-viewer", lifetime: TokenLifetime, cancellationToken: cancellationToken);

        // Not repeated: the next second has newer values.
        var publisher = new NovaPublisher(new NovaClientOptions { Address = gateways[0], Token = NovaClientOptions.FixedToken(broadcaster), RetryFor = TimeSpan.Zero });
        var stream = await publisher.CreateAsync(new CreateStream("Nova demo: speedrun night", "A simulated broadcast", "Demo"), cancellationToken);
        await publisher.StartAsync(stream.StreamId, new StartStream(StreamQuality.P1080, 60, FirstKbps), cancellationToken: cancellationToken);
        var demo = new DemoBroadcaster(gateways, publisher, broadcaster, viewer, stream.StreamId);
        demo._broadcast = demo.BroadcastAsync();
        return demo;
    }

    /// <summary>Addresses and commands for a first try, ready to paste.</summary>
    public string Describe()
    {
        var gateway = _publisher.Address.OriginalString;
        return $$"""
              Demo stream   {{StreamId}}
              Watch it      {{gateway}}/#stream={{StreamId}}&token={{_viewerToken}}
              WebSocket     {{gateway.Replace("http", "ws")}}/api/v1/streams/{{StreamId}}/ws?token={{_viewerToken}}
              Change it     curl -X POST {{gateway}}/api/v1/streams/{{StreamId}}/quality -H 'Content-Type: application/json' -d '{"new_quality":"720p","new_bitrate_kbps":2500,"reason":"broadcaster_changed"}' -H 'Authorization: Bearer {{_broadcasterToken}}'
            """;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _broadcast;
        await _audience.DisposeAsync();
        try
        {
            await _publisher.EndAsync(StreamId);
        }
        catch (Exception exception) when (exception is NovaApiException or HttpRequestException)
        {
            // The user ended the stream with the token printed above.
        }

        _publisher.Dispose();
        _stop.Dispose();
    }

    private async Task BroadcastAsync()
    {
        for (var second = 1; !_stop.IsCancellationRequested; second++)
        {
            try
            {
                await TickAsync(second);
                await _audience.ChangeSizeAsync();
            }
            catch (NovaApiException exception) when (exception.ErrorCode is ErrorCodes.InvalidTransition or ErrorCodes.StreamNotFound)
            {
                return; // Somebody ended the stream.
            }
            catch (Exception exception) when (exception is NovaApiException or HttpRequestException)
            {
                // A service restarts. A failing demo must not stop Nova.
            }
            catch (OperationCanceledException)
            {
            }

            await Task.Delay(TickInterval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TickAsync(int second)
    {
        await CallAsync("bitrate", () => _publisher.ReportBitrateAsync(StreamId, _kbps * Random.Shared.Next(55, 115) / 100, _stop.Token));
        if (second % 5 == 0)
        {
            await CallAsync("heartbeat", () => _publisher.HeartbeatAsync(StreamId, _stop.Token));
        }

        if (second % 20 == 0)
        {
            var change = QualityAfter(second / 20);
            _kbps = change.NewBitrateKbps;
            await CallAsync("quality", () => _publisher.ChangeQualityAsync(StreamId, change, cancellationToken: _stop.Token));
        }

        if (second % 50 == 0)
        {
            await CallAsync("error", () => _publisher.PublishErrorAsync(StreamId, Overflow, cancellationToken: _stop.Token));
        }
    }

    /// <param name="changes">Number of changes so far.</param>
    internal static ChangeQuality QualityAfter(int changes) => Qualities[(changes + Qualities.Length - 1) % Qualities.Length];

    private static async Task CallAsync(string call, Func<Task> send)
    {
        using var activity = Activities.StartActivity($"broadcaster {call}");
        await send();
    }
}
