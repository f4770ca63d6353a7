namespace Nova.LoadTest.Planning;

/// <summary>Network, in bits per second.</summary>
internal static class BandwidthPlan
{
    /// <summary>A message to a viewer: 250 bytes of JSON as <c>quality_changed</c> has, 4 of WebSocket, 66 of Ethernet, IP and TCP.</summary>
    private const double DeliveryBytes = 320;

    /// <summary>A ping and its pong with their headers, and the TCP acknowledgements; every 30 s.</summary>
    private const double PingBytes = 450;
    private const double PingInterval = 30;

    /// <summary>A message from Redis: channel, header and JSON, and 66 of Ethernet, IP and TCP.</summary>
    private const double PushBytes = 480;

    public static double ToViewers(PlanInputs inputs, Traffic traffic) =>
        8 * ((traffic.Deliveries * DeliveryBytes) + (inputs.Viewers * PingBytes / PingInterval));

    public static double FromRedis(PlanInputs inputs, Traffic traffic) =>
        8 * PushBytes * (traffic.Messages + (inputs.IsSharded ? 0 : traffic.Publishes * (inputs.Shards - 1)));
}
