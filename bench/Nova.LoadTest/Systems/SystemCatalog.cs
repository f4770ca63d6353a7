using Nova.LoadTest.Measuring;
using Nova.LoadTest.Systems.Nova;
using Nova.LoadTest.Systems.Peers;

namespace Nova.LoadTest.Systems;

/// <summary>The systems by name.</summary>
internal static class SystemCatalog
{
    public const string Nova = "nova";

    private static readonly Dictionary<string, Func<Placement, SystemUnderTest>> Systems = new()
    {
        [Nova] = static placement => new NovaSystem(placement),
        ["nchan"] = static placement => new NchanSystem(placement),
        ["signalr"] = static placement => new SignalRSystem(placement),
        ["ws"] = static placement => new WsSystem(placement),
        ["socketio"] = static placement => new SocketIoSystem(placement),
    };

    public static string[] Names { get; } = [.. Systems.Keys];

    public static SystemUnderTest Create(string name, Placement placement) => Systems.TryGetValue(name, out var create)
        ? create(placement)
        : throw new LoadTestException($"There is no system {name}. Known systems: {string.Join(", ", Names)}.");
}
