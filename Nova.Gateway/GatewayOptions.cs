namespace Nova.Gateway;

/// <summary>Configuration section <c>Gateway</c>. The protocol's own constants are in <see cref="Nova.Protocol.Limits"/> and are not configurable.</summary>
public sealed class GatewayOptions
{
    public const string Section = "Gateway";

    /// <summary>Viewers that this gateway takes; the next one gets 503 (S8). Fewer where the system allows fewer open files.</summary>
    public int MaxConnections { get; set; } = 50_000;

    /// <summary>Connections that are not, or not yet, a viewer's. Beyond, the newest is closed at once.</summary>
    public int MaxPendingConnections { get; set; } = 10_000;

    /// <summary>
    /// Connections from one client address (of IPv6, its /64) that are not, or not yet, a viewer's: one client must not use up what all share.
    /// Neither this machine nor known proxies are held to it.
    /// </summary>
    public int MaxPendingConnectionsPerAddress { get; set; } = 500;

    /// <summary>Sockets of one viewer on this gateway; the next one gets 429.</summary>
    public int MaxConnectionsPerViewer { get; set; } = 100;

    /// <summary>Sockets from one client address (of IPv6, its /64) on this gateway; the next one gets 429.</summary>
    public int MaxConnectionsPerAddress { get; set; } = 1_000;

    /// <summary>WebSocket upgrades a second from one client address (of IPv6, its /64); the next one gets 429 (S37).</summary>
    public double UpgradesPerSecond { get; set; } = 50;

    /// <summary>WebSocket upgrades that one client address may make at once after a quiet time.</summary>
    public int UpgradesBurst { get; set; } = 200;

    /// <summary>REST calls a second from one client address (of IPv6, its /64); the next one gets 429.</summary>
    public double RequestsPerSecond { get; set; } = 100;

    /// <summary>REST calls that one client address may make at once after a quiet time.</summary>
    public int RequestsBurst { get; set; } = 500;

    /// <summary>
    /// Clients that the limits per viewer and per address do not hold, as addresses and networks with commas between: by default this machine,
    /// which is where load tests run and where a proxy that is not in <see cref="KnownProxies"/> may be.
    /// </summary>
    public string UnlimitedClients { get; set; } = "127.0.0.0/8, ::1";

    /// <summary>
    /// Trusted reverse proxies, as addresses and networks with commas between: their <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> name the
    /// client. Empty: there are none, and the headers mean nothing.
    /// </summary>
    public string KnownProxies { get; set; } = "";

    /// <summary>
    /// Pages that may open sockets and call the REST APIs, as origins (<c>https://example.org</c>) with commas between. Empty: every page may (S41, S57).
    /// </summary>
    public string AllowedOrigins { get; set; } = "";

    /// <summary>How long a new connection may take to send its first byte.</summary>
    public TimeSpan FirstByteTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may take to send a request's head.</summary>
    public TimeSpan RequestHeadTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a connection without a request is kept. Longer than balancers and proxies keep theirs (60 to 75 s), or they send a request into a
    /// connection that is being closed.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(90);

    /// <summary>The largest body of a REST call, in bytes; a larger one gets 413.</summary>
    public int MaxRequestBodyBytes { get; set; } = 64 * 1024;

    /// <summary>How long a stream without viewers is kept subscribed, so that the next viewer costs no request.</summary>
    public TimeSpan RoomLinger { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a stream id that StreamState does not know is refused without asking StreamState again.</summary>
    public TimeSpan UnknownStreamLinger { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Joins and leaves of one stream within this time are one count (R47). While thousands join, sending counts is most of the work, so the default
    /// is on the long side.
    /// </summary>
    public TimeSpan CountInterval { get; set; } = TimeSpan.FromMilliseconds(80);

    /// <summary>A gateway that died is no longer counted after this time.</summary>
    public TimeSpan PresenceLease { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Issue reports that wait while Telemetry is unavailable. Beyond, viewers get an error that theirs was not stored.</summary>
    public int IssueQueue { get; set; } = 10_000;

    /// <summary>Bytes of the issue reports that wait; the queue is full where it reaches this or <see cref="IssueQueue"/>.</summary>
    public long IssueQueueBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>A viewer that takes nothing of what waits for it for this long is closed with 1013.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a gateway that stops is not ready before it closes its viewers: a balancer sends it new ones until its next probe. Set it to zero
    /// where no balancer is in front; <c>Nova.Standalone</c> does.
    /// </summary>
    public TimeSpan DrainDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Viewers that a draining gateway closes at once, as one wave.</summary>
    public int DrainWave { get; set; } = 500;

    /// <summary>The pause between two waves of a drain.</summary>
    public TimeSpan DrainInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest delay after which a drained viewer is asked to come back; each gets a random one.</summary>
    public TimeSpan DrainRetrySpread { get; set; } = TimeSpan.FromSeconds(5);
}
