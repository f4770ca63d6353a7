using System.Text;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>
/// Nova with everything on: token validation, Redis, backlogs and metrics. The generator publishes events on the Redis channel, as StreamState's
/// outbox relay does.
/// </summary>
internal sealed class NovaSystem : SystemUnderTest
{
    /// <summary>Streams started at once: fewer than StreamState's 20 sessions, beyond which calls wait for each other.</summary>
    private const int StartsInFlight = 16;

    private readonly NovaLayout _layout;
    private readonly NovaTokens _tokens = new();
    private readonly NovaServices _services;
    private readonly string _operator;
    private List<LiveStream> _streams = [];
    private PublishRequest[] _requests = [];
    private byte[][] _upgrades = [];

    public NovaSystem(Placement placement, NovaLayout? layout = null) : base(placement)
    {
        _layout = layout ?? new NovaLayout();
        _operator = _tokens.Create("loadtest-operator", "operator");
        _services = new NovaServices(placement, Folder, _tokens, _layout);
    }

    public override string Name => "nova";

    public override string Description => $"Nova, {_layout.Gateways} gateway process(es): HS256 tokens, Redis hop, backlogs, metrics; only gateways are measured";

    public NovaServices Services => _services;

    public override IReadOnlyList<int> MeasuredProcesses =>
        _layout.Measured == NovaPart.StreamState ? [_services.StreamStateProcess] : _services.GatewayProcesses;

    /// <summary>Measures the parts of Nova beside each other; also those that are not this run's measured processes.</summary>
    public NovaCpuWindow CpuOfParts() => new(_services);

    public override IReadOnlyList<PublishRequest> PublishRequests => _requests;

    public override byte[] Greeting { get; } = Encoding.ASCII.GetBytes($"\"{EventNames.ConnectionEstablished}\"");

    public override async Task StartAsync(int viewers, CancellationToken cancellationToken)
    {
        await _services.StartAsync(cancellationToken);
        await StartStreamsAsync(cancellationToken);
        _upgrades = [.. Enumerable.Range(0, viewers).Select(viewer => Upgrade(
            $"/api/v1/streams/{StreamOf(viewer).Id}/ws?token={_tokens.Create($"viewer-{viewer}", "viewer")}", PortOf(viewer)))];
    }

    /// <summary>Viewers of one stream are on different gateways, as far as there are gateways.</summary>
    public override int PortOf(int viewer) => _services.GatewayPorts[((viewer % _layout.Streams) + (viewer / _layout.Streams)) % _layout.Gateways];

    /// <summary>Viewers beyond the number given to <see cref="StartAsync"/> reuse the tokens of the first ones.</summary>
    public override byte[] UpgradeRequest(int viewer) => _upgrades[viewer % _upgrades.Length];

    /// <summary>Replies to pings: gateways ping every 30 s and close a viewer that has sent nothing for 60 s.</summary>
    public override int WriteReply(ReadOnlySpan<byte> message, Span<byte> frame)
    {
        if (!message.StartsWith("{\"event\":\"ping\",\"data\":{"u8))
        {
            return 0;
        }

        Span<byte> pong = stackalloc byte[message.Length];
        message.CopyTo(pong);
        pong["{\"event\":\"p".Length] = (byte)'o'; // Turns "ping" into "pong"; a pong echoes the data.
        return ClientFrame.WriteText(pong, frame);
    }

    public override PublishConnection ConnectPublisher(EventLoop loop) => new(loop, _services.RedisPort, ":");

    public NovaApi Api() => new(_services.GatewayPorts[0], _operator);

    /// <summary>True if the gateways have subscribed by SSUBSCRIBE, which they do in a cluster only; one server answers with an error or an empty list.</summary>
    public async Task<bool> IsPubSubShardedAsync(CancellationToken cancellationToken) =>
        (await _services.Redis.AskAsync(0, ["pubsub", "shardchannels"], cancellationToken)).Contains("nova:", StringComparison.Ordinal);

    public LiveStream StreamOf(int viewer) => _streams[viewer % _layout.Streams];

    /// <summary>Connects a publisher to the REST API, so that events pass StreamState, PostgreSQL and the outbox.</summary>
    public PublishConnection ConnectRestPublisher(EventLoop loop) => new(loop, _services.GatewayPorts[0], "HTTP/1.1 200");

    /// <summary>The request that publishes events on the first stream through the REST API.</summary>
    public PublishRequest RestRequest() => ChangeQuality(_streams[0]);

    /// <summary>The same for every stream.</summary>
    public IReadOnlyList<PublishRequest> RestRequests() => [.. _streams.Select(ChangeQuality)];

    /// <summary>One <c>POST …/heartbeat</c> per stream.</summary>
    public IReadOnlyList<byte[]> Heartbeats() => [.. _streams.Select(stream => Post(stream, "heartbeat", []))];

    /// <summary>One <c>POST …/bitrate</c> per stream.</summary>
    public IReadOnlyList<byte[]> Bitrates() => [.. _streams.Select(stream => Post(stream, "bitrate", """{"current_bitrate_kbps":4800}"""u8))];

    /// <summary>A call without token, Redis and PostgreSQL: what ASP.NET and its health check cost.</summary>
    public static byte[] AliveCall() => "GET /alive HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray();

    protected override ValueTask StopAsync() => _services.DisposeAsync();

    private async Task StartStreamsAsync(CancellationToken cancellationToken)
    {
        using var api = new NovaApi(_services.StreamStatePort, _operator); // Not through a gateway, whose memory is measured from here on.
        var streams = new LiveStream[_layout.Streams];
        await Parallel.ForAsync(
            0, streams.Length, new ParallelOptions { MaxDegreeOfParallelism = StartsInFlight, CancellationToken = cancellationToken },
            async (i, token) => streams[i] = await api.StartStreamAsync(token));
        _streams = [.. streams];

        _requests = [.. _streams.Select(PublishToRedis)];
    }

    private PublishRequest ChangeQuality(LiveStream stream)
    {
        var (body, digitsOffset) = EventPayload.CreateForRest();
        var request = Post(stream, "quality", body);
        return new PublishRequest(request, request.Length - body.Length + digitsOffset, overRest: true);
    }

    private byte[] Post(LiveStream stream, string call, ReadOnlySpan<byte> body) =>
    [
        .. Encoding.ASCII.GetBytes(
            $"POST /api/v1/streams/{stream.Id}/{call} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {_operator}\r\n"
            + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"),
        .. body,
    ];

    /// <summary><c>*3 PUBLISH channel message</c>, in the Redis protocol.</summary>
    private static PublishRequest PublishToRedis(LiveStream stream)
    {
        var (payload, digitsOffset) = EventPayload.Create(stream.Id, DateTimeOffset.UtcNow);
        var message = new StreamEvent(stream.Version, DateTimeOffset.UtcNow, EventNames.QualityChanged, "", payload).Encode();
        var channel = LiveKeys.Channel(stream.Id);
        var head = Encoding.ASCII.GetBytes($"*3\r\n$7\r\nPUBLISH\r\n${channel.Length}\r\n{channel}\r\n${message.Length}\r\n");
        return new PublishRequest([.. head, .. message, .. "\r\n"u8], head.Length + message.Length - payload.Length + digitsOffset)
        {
            HeaderOffset = head.Length + sizeof(byte), // After StreamEvent's magic byte.
            Version = stream.Version,
        };
    }
}
