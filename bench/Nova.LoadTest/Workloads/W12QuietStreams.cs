using Nova.LoadTest.Generator;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>What a stream costs on which nothing happens: many streams with a viewer each, compared with one stream that has as many viewers.</summary>
internal sealed class W12QuietStreams : Workload
{
    private const int DefaultStreams = 10_000;
    private const double DefaultChangesPerMinute = 1;
    private const double MaxCpuRatio = 1.5;

    /// <summary>Quality changes under way at once: as many as StreamState has sessions.</summary>
    private const int ChangesInFlight = 20;

    public override string Name => "W12";

    public override string Summary =>
        "10,000 streams × 1 viewer (--viewers), quiet for 60 s, against as many viewers on one stream, "
        + "and the same streams with 1 quality change a minute each (--rate): CPU of gateway, Redis and StreamState, KB per quiet stream";

    public override async Task RunAsync(Bench bench)
    {
        var viewers = bench.Settings.Viewers ?? DefaultStreams;
        var one = await MeasureOneAsync(bench, viewers);
        var many = await MeasureManyAsync(bench, viewers);

        AddRatio(bench.Report, "gateway", many.Cpu.Gateways, one.Cpu.Gateways);
        AddRatio(bench.Report, "Redis", many.Cpu.Redis, one.Cpu.Redis);
        AddRatio(bench.Report, "StreamState", many.Cpu.StreamState, one.Cpu.StreamState);
        bench.Report.Note($"A quiet stream adds {(many.Memory.PerViewer - one.Memory.PerViewer) / 1024:F1} KB of RSS to the {one.Memory.PerViewer / 1024:F1} KB of its viewer.");
    }

    private async Task<Result> MeasureOneAsync(Bench bench, int viewers)
    {
        var nova = bench.CreateNova();
        await using var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation);
        return MeasureQuiet(bench, session, nova, $"1 quiet stream, {viewers:N0} viewers");
    }

    /// <summary>The changes run on the same processes after the quiet, which they would not leave unchanged before it.</summary>
    private async Task<Result> MeasureManyAsync(Bench bench, int streams)
    {
        var nova = bench.CreateNova(new NovaLayout(Streams: streams));
        await using var session = await FanoutSession.OpenAsync(nova, streams, bench.Settings, bench.Cancellation);
        var quiet = MeasureQuiet(bench, session, nova, $"{streams:N0} quiet streams, {streams:N0} viewers");

        var perMinute = bench.Settings.Rate ?? DefaultChangesPerMinute;
        var rate = streams * perMinute / 60;
        using var rest = new RestPool(session.Loop, nova.Services.StreamStatePort, ChangesInFlight);
        var schedule = new PublishSchedule(rest, nova.RestRequests(), session.Publications, rate);
        NovaCpu? cpu = null;
        session.Measuring = window => cpu = nova.CpuOfParts().Measure(window);
        var cell = session.Measure(Name, $"{streams:N0} streams, {perMinute} changes a minute each", schedule, rate, recipients: 1, bench.Settings.Window(60));
        bench.Report.Add(cell with { Extra = cpu!.Columns() });
        if (rest.FirstFailure is { } failure)
        {
            bench.Report.Note($"A change was refused: {failure}");
        }

        return quiet;
    }

    private Result MeasureQuiet(Bench bench, FanoutSession session, NovaSystem nova, string name)
    {
        NovaCpu? cpu = null;
        session.Measuring = window => cpu = nova.CpuOfParts().Measure(window);
        var cell = session.MeasureQuiet(Name, name, bench.Settings.Window(60));
        bench.Report.Add(cell with { Extra = cpu!.Columns() });
        return new Result(cpu, cell.Memory!);
    }

    private static void AddRatio(Report report, string part, double many, double one) => report.Add(new Goal(
        $"{part} CPU of quiet streams / of one stream with as many viewers", $"≤ {MaxCpuRatio}", $"{many / one:F2}", many <= MaxCpuRatio * one));

    private sealed record Result(NovaCpu Cpu, Memory Memory);
}
