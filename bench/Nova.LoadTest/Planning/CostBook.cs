namespace Nova.LoadTest.Planning;

/// <summary>Collects unit costs while they are measured. A cost that noise made negative is zero.</summary>
internal sealed class CostBook
{
    public SortedDictionary<string, UnitCost> Costs { get; } = new(StringComparer.Ordinal);

    public double this[string name] => Costs[name].Value;

    public void Add(string name, double value, string unit, string cell)
    {
        Costs[name] = new UnitCost(Math.Round(Math.Max(0, value), 2), unit, cell);
        Console.Error.WriteLine($"  {name}: {value:F2} {unit} ({cell})");
    }

    /// <summary>Adds the same cost on a busy process, which cannot be higher.</summary>
    public void AddBusy(string name, double rate, double busyValue, double busyRate)
    {
        var cost = Costs[name];
        Costs[name] = cost with { Rate = rate, BusyValue = Math.Round(Math.Clamp(busyValue, 0, cost.Value), 2), BusyRate = Math.Round(busyRate) };
        Console.Error.WriteLine($"  {name} at {busyRate:N0}/s: {busyValue:F2} {cost.Unit}");
    }

    /// <summary>What each of <paramref name="perSecond"/> events costs StreamState and PostgreSQL.</summary>
    public void AddCall(string name, PartRates more, double perSecond, string cell)
    {
        Add($"streamstate_{name}", more.StreamState / perSecond, "µs", cell);
        Add($"postgres_{name}", more.Postgres / perSecond, "µs", cell);
        Add($"transactions_{name}", more.Transactions / perSecond, "transactions", cell);
    }
}
