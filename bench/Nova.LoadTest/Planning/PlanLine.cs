namespace Nova.LoadTest.Planning;

/// <summary>One term of a part's CPU time: how often, times what it costs each time.</summary>
internal sealed record PlanLine(string What, double PerSecond, double Microseconds)
{
    public double Cores => PerSecond * Microseconds / 1e6;
}
