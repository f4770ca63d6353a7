using System.Globalization;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Planning;

/// <summary>
/// Compares a plan with a measured run: several gateways and a Redis Cluster, with everything that costs something at once. All events go through
/// the REST API, so that the run does not depend on how StreamState publishes them.
/// </summary>
internal sealed class PlanCheck(Bench bench, UnitCosts costs)
{
    private const int Gateways = 8;
    private const int Shards = 3;
    private const int DefaultViewers = 4000;
    private const int ViewersPerStream = 4;
    private const double SampleInterval = 5;
    private const double Joins = 20;
    private const int ChurnViewers = 100;
    private const double MaxError = 0.2;

    /// <summary>Nearly every viewer opens a stream on a gateway; 256 at once asked one StreamState for more snapshots than it could read in time.</summary>
    private const int ConnectsInFlight = 8;

    /// <summary>As many leave as join after 5 s; the processes have compiled what they need after 30.</summary>
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(30);

    public async Task RunAsync()
    {
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        var streams = Math.Max(1, viewers / ViewersPerStream);
        var changes = bench.Settings.Rate ?? streams / 20.0;
        var (measured, isSharded, failure) = await MeasureAsync(viewers, streams, changes);
        var plan = new Plan(
            new PlanInputs
            {
                Viewers = viewers + ChurnViewers,
                Streams = streams,
                Gateways = Gateways,
                Shards = Shards,
                IsSharded = isSharded,
                Mix = "even",
                EventsPerMinute = 60 * changes / streams,
                Joins = Joins,
                BitrateInterval = SampleInterval,
                HeartbeatInterval = SampleInterval,
                IsDealtOut = true,
            },
            costs);

        bench.Report.AddSection(PlanReport.Of(plan, costs));
        if (failure is not null)
        {
            bench.Report.Note($"A call failed: {failure}");
        }

        Compare("gateways", Plan.Sum(plan.Gateways), measured.Gateways / 1e6);
        Compare("Redis", Plan.Sum(plan.Redis), measured.Redis / 1e6);
        Compare("StreamState", Plan.Sum(plan.StreamState), measured.StreamState / 1e6);
        bench.Report.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"PostgreSQL, which has no goal: {Plan.Sum(plan.Postgres):F3} cores planned, {measured.Postgres / 1e6:F3} measured; {plan.Transactions:N0} and {measured.Transactions:N0} transactions/s"));
    }

    private async Task<(PartRates Rates, bool IsSharded, string? Failure)> MeasureAsync(int viewers, int streams, double changes)
    {
        var nova = bench.CreateNova(new NovaLayout(Gateways, streams, RedisShards: Shards));
        var settings = bench.Settings with { InFlight = ConnectsInFlight };
        await using var session = await FanoutSession.OpenAsync(nova, viewers, settings, bench.Cancellation, static (_, _) => { });
        for (var i = 0; i < viewers; i++)
        {
            session.Audience.Add(session.Deliveries);
        }

        session.Audience.ConnectAll(ConnectsInFlight);
        session.Connect(); // The first ones may have been refused: a new StreamState needs more than a second for its first snapshots.
        using var rest = new RestPool(session.Loop, nova.Services.StreamStatePort, maxConnections: 20);
        var events = new PublishSchedule(rest, nova.RestRequests(), session.Publications, changes);
        var bitrates = new RestSchedule(rest, nova.Bitrates(), streams / SampleInterval);
        var heartbeats = new RestSchedule(rest, nova.Heartbeats(), streams / SampleInterval);
        var churn = new Churn(session.Audience, new NullSink(), Joins, ChurnViewers);
        foreach (var load in new ITicker[] { bitrates, heartbeats, churn })
        {
            session.Loop.AddTicker(load);
        }

        bitrates.Start();
        heartbeats.Start();
        churn.Start();
        session.Loop.RunFor(WarmUpTime);
        var isSharded = await nova.IsPubSubShardedAsync(bench.Cancellation);

        var rates = default(PartRates);
        session.Measuring = measure => rates = PartRates.Measure(nova, measure);
        var cell = session.Measure(
            "check", $"{Gateways} gateways, {Shards} shards, {streams:N0} streams, {viewers:N0} viewers, {changes:N0} changes/s", events, changes, ViewersPerStream,
            bench.Settings.Window(30));
        bench.Report.Add(cell);
        return (rates!, isSharded, rest.FirstFailure);
    }

    private void Compare(string part, double planned, double measured)
    {
        var error = (planned - measured) / measured;
        bench.Report.Add(new Goal(
            $"{part}: planned against measured cores", $"± {100 * MaxError:F0} %",
            string.Create(CultureInfo.InvariantCulture, $"{planned:F3} against {measured:F3}: {100 * error:+0;-0} %"), Math.Abs(error) <= MaxError));
    }
}
