using System.Diagnostics.Metrics;

namespace Nova.Tests.Contracts;

/// <summary>The instruments that Nova's meters have in this process.</summary>
internal static class Instruments
{
    /// <returns>Their own names, and those that Prometheus gives them: unit and kind at the end.</returns>
    public static (IReadOnlySet<string> Names, IReadOnlySet<string> PrometheusNames) Emitted()
    {
        HashSet<string> names = [], prometheus = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name.StartsWith("Nova.", StringComparison.Ordinal))
            {
                names.Add(instrument.Name);
                var name = instrument.Name.Replace('.', '_') + instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
                var kind = instrument.GetType().Name;
                prometheus.UnionWith(
                    kind.StartsWith("Histogram", StringComparison.Ordinal) ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"]
                    : kind.StartsWith("Counter", StringComparison.Ordinal) || kind.StartsWith("ObservableCounter", StringComparison.Ordinal) ? [$"{name}_total"]
                    : [name]);
            }
        };
        listener.Start();
        return (names, prometheus);
    }
}
