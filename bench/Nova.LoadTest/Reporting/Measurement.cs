using HdrHistogram;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Reporting;

/// <summary>Latencies in milliseconds.</summary>
internal sealed record Latencies(double P50, double P90, double P99, double P999, double Max)
{
    public static Latencies Of(LongHistogram histogram) => new(
        histogram.Milliseconds(50), histogram.Milliseconds(90), histogram.Milliseconds(99), histogram.Milliseconds(99.9), histogram.Milliseconds(100));
}

/// <summary>Resident bytes of the measured processes.</summary>
/// <param name="Before">Before the first viewer connected.</param>
/// <param name="Idle">With all viewers connected, before the first publication.</param>
/// <param name="Peak">The maximum up to the cell's end.</param>
/// <param name="PerViewer">(idle − before) / viewers.</param>
internal sealed record Memory(long Before, long Idle, long Peak, double PerViewer);

/// <summary>One cell of a report. Figures that a workload does not measure are null.</summary>
internal sealed record Measurement(string Workload, string System, string Cell, int Viewers)
{
    /// <summary>The repeat of a comparison, from 1.</summary>
    public int Repeat { get; init; } = 1;

    /// <summary>Events published per second, on all streams together.</summary>
    public double Rate { get; init; }

    /// <summary>Messages per second that viewers received in the window.</summary>
    public double DeliveredPerSecond { get; init; }

    /// <summary>Delivered share of the events that were published in the window, counted by their numbers.</summary>
    public double? DeliveredPercent { get; init; }

    public long Duplicates { get; init; }

    public long Disordered { get; init; }

    public Latencies? Latency { get; init; }

    public CpuUse? Cpu { get; init; }

    public Memory? Memory { get; init; }

    public double? EventsPerRead { get; init; }

    /// <summary>Figures that only this workload has.</summary>
    public Dictionary<string, double> Extra { get; init; } = [];

    public double? UserMicroseconds => PerDelivery(Cpu?.UserSeconds);

    public double? SystemMicroseconds => PerDelivery(Cpu?.SystemSeconds);

    public double? CpuMicroseconds => UserMicroseconds + SystemMicroseconds;

    /// <summary>True if the system delivered everything in time, which W1 calls clean.</summary>
    public bool IsClean => DeliveredPercent >= 99.9 && Latency?.P99 <= 250 && Duplicates == 0 && Disordered == 0;

    public bool HasForeignLoad => Cpu?.ForeignShare > CpuUse.MaxForeignShare;

    /// <summary>Reasons not to trust the cell; empty if there are none.</summary>
    public string Flags => string.Join(", ", new[]
    {
        Cpu?.GeneratorShare > CpuUse.MaxGeneratorShare ? "INVALID: generator busy" : "",
        HasForeignLoad ? "foreign load" : "",
        Duplicates > 0 ? $"{Duplicates} duplicates" : "",
        Disordered > 0 ? $"{Disordered} out of order" : "",
    }.Where(static flag => flag.Length > 0));

    private double? PerDelivery(double? seconds) =>
        DeliveredPerSecond > 0 && Cpu is not null ? seconds * 1e6 / (DeliveredPerSecond * Cpu.Seconds) : null;
}

/// <summary>A goal of PERFORMANCE.md, section 3, and the measured figure.</summary>
internal sealed record Goal(string What, string Wanted, string Measured, bool Met);
