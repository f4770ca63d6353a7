using Nova.LoadTest.Measuring;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Systems;

/// <summary>The systems by name.</summary>
internal static class SystemCatalog
{
    public static readonly string[] Names = ["nova"];

    public static SystemUnderTest Create(string name, Placement placement) => name switch
    {
        "nova" => new NovaSystem(placement),
        _ => throw new LoadTestException($"There is no system {name}; there are {string.Join(", ", Names)}."),
    };
}
