using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nova.LoadTest.Planning;

/// <summary>One measured cost.</summary>
/// <param name="Value">In the unit.</param>
/// <param name="Unit">µs of CPU, µs of CPU per second, transactions, KB, MB.</param>
/// <param name="Cell">What it was measured with.</param>
internal sealed record UnitCost(double Value, string Unit, string Cell)
{
    /// <summary>How often the process did it per second in <see cref="Cell"/>; zero where the cost is not measured twice.</summary>
    public double Rate { get; init; }

    /// <summary>The cost on a busy process.</summary>
    public double BusyValue { get; init; }

    public double BusyRate { get; init; }

    /// <summary>
    /// The cost at a rate. A busy process finds more work each time it wakes, so each costs less; between the two measured rates it falls with the
    /// logarithm of the rate, and beyond them it is taken for constant.
    /// </summary>
    public double At(double rate)
    {
        if (BusyRate <= Rate || rate <= Rate)
        {
            return Value;
        }

        var position = Math.Min(1, Math.Log(rate / Rate) / Math.Log(BusyRate / Rate));
        return Value + (position * (BusyValue - Value));
    }
}

/// <summary>The unit costs of a plan, with how they were measured; <c>bench/unit-costs.json</c>.</summary>
internal sealed record UnitCosts(string Command, string Measured, string Commit, SortedDictionary<string, UnitCost> Costs)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // It has µ, and is read by people.
    };

    public static string DefaultPath { get; } = Path.Combine(Systems.Repository.Root, "bench", "unit-costs.json");

    public double this[string name] => Find(name).Value;

    /// <param name="name">The cost.</param>
    /// <param name="rate">How often one process does it per second.</param>
    public double At(string name, double rate) => Find(name).At(rate);

    private UnitCost Find(string name) => Costs.TryGetValue(name, out var cost)
        ? cost
        : throw new LoadTestException($"The unit costs lack {name}. Measure them again: plan --measure");

    /// <exception cref="LoadTestException">The file cannot be read.</exception>
    public static UnitCosts Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<UnitCosts>(File.ReadAllText(path), Json) ?? throw new LoadTestException($"{path} is empty.");
        }
        catch (Exception problem) when (problem is IOException or JsonException)
        {
            throw new LoadTestException($"{path} cannot be read: {problem.Message} Measure the unit costs: plan --measure");
        }
    }

    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Json) + "\n");
}
