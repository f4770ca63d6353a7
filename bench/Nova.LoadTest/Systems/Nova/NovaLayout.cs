namespace Nova.LoadTest.Systems.Nova;

/// <summary>The part of Nova that has the measured core to itself.</summary>
internal enum NovaPart
{
    Gateways,
    StreamState,
}

/// <summary>The size of the Nova that a workload needs.</summary>
/// <param name="Gateways">0 where only StreamState is called.</param>
/// <param name="Streams">Live streams.</param>
/// <param name="Measured">What runs on the measured core.</param>
/// <param name="RedisShards">Primaries of a Redis Cluster; 0 for one server without cluster mode.</param>
internal sealed record NovaLayout(int Gateways = 1, int Streams = 1, NovaPart Measured = NovaPart.Gateways, int RedisShards = 0);
