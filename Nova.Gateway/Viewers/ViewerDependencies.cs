namespace Nova.Gateway.Viewers;

/// <summary>Services shared by all viewers.</summary>
internal sealed record ViewerDependencies(GatewayMetrics Metrics, TimeProvider Time, ILogger Logger);
