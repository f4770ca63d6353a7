namespace Nova.Gateway.Viewers;

/// <summary>What every viewer needs and none has for itself.</summary>
internal sealed record ViewerServices(GatewayMetrics Metrics, TimeProvider Time, ILogger Logger);
