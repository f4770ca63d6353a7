namespace Nova.LoadTest.Reporting;

internal static class Chart
{
    public static string? Draw(IReadOnlyList<Measurement> measurements) => measurements.Count < 0 ? "" : null;
}
