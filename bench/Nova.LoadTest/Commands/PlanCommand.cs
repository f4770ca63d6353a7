using System.CommandLine;
using System.Globalization;
using Nova.LoadTest.Planning;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary><c>plan</c>: what a size needs, from measured unit costs.</summary>
internal static class PlanCommand
{
    private const double MinutesWatched = 15;

    public static Command Create()
    {
        var options = new PlanOptions();
        var costs = new Option<string>("--costs") { Description = "File of the unit costs", DefaultValueFactory = _ => UnitCosts.DefaultPath };
        var measure = new Option<bool>("--measure") { Description = "Measure the unit costs on this machine and write the file, 11 minutes" };
        var check = new Option<bool>("--check") { Description = "Compare the model with a measured run of 8 gateways and 3 Redis shards, 2 minutes; --viewers and --rate (changes/s) set its size" };
        var run = new CommonOptions();
        var command = new Command("plan", "Prints what a number of viewers and streams needs, and its first bottleneck, from measured unit costs.") { costs, measure, check };
        options.AddTo(command);
        run.AddTo(command, except: "--viewers");
        command.SetAction((arguments, cancellationToken) => Terminal.RunAsync(async () =>
        {
            var file = arguments.GetValue(costs)!;
            if (arguments.GetValue(measure))
            {
                await MeasureAsync(file, run.Read(arguments), cancellationToken);
            }

            if (arguments.GetValue(check))
            {
                await CheckAsync(file, run.Read(arguments) with { Viewers = (int?)options.ViewersOf(arguments) }, cancellationToken);
            }
            else
            {
                var loaded = UnitCosts.Load(file);
                Console.WriteLine(PlanReport.Of(new Plan(options.Read(arguments), loaded), loaded));
            }
        }));
        return command;
    }

    private static async Task MeasureAsync(string file, RunSettings settings, CancellationToken cancellationToken)
    {
        var report = new Report("Unit costs");
        try
        {
            var bench = new Bench(settings, Terminal.Prepare(settings, report), report, cancellationToken);
            var measured = await new UnitCostRuns(bench).RunAsync();
            new UnitCosts(
                "plan --measure", DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Systems.Repository.Commit(), measured).Save(file);
        }
        finally
        {
            report.Finish();
        }
    }

    private static async Task CheckAsync(string file, RunSettings settings, CancellationToken cancellationToken)
    {
        var costs = UnitCosts.Load(file);
        var report = new Report("Plan against a measured run");
        try
        {
            await new PlanCheck(new Bench(settings, Terminal.Prepare(settings, report), report, cancellationToken), costs).RunAsync();
        }
        finally
        {
            report.Finish();
        }
    }

    /// <summary>The options that describe the planned size.</summary>
    private sealed class PlanOptions
    {
        private static readonly PlanInputs Defaults = new();

        private readonly Option<double?> _viewers = Count("--viewers", "Viewers at once; default 10M");
        private readonly Option<double?> _streams = Count("--streams", "Live streams; default 100k");
        private readonly Option<int> _gateways = new("--gateways") { Description = "Gateways", DefaultValueFactory = _ => Defaults.Gateways };
        private readonly Option<int> _shards = new("--shards") { Description = "Primaries of the Redis Cluster", DefaultValueFactory = _ => Defaults.Shards };
        private readonly Option<bool> _plain = new("--plain-pubsub") { Description = "Plain pub/sub in place of sharded" };
        private readonly Option<string> _mix = new("--mix") { Description = "Viewers per stream: even, zipf:1, or huge:10:50 (10 streams with 50 % of the viewers)", DefaultValueFactory = _ => Defaults.Mix };
        private readonly Option<double> _events = Number("--events", "State changes per stream and minute", Defaults.EventsPerMinute);
        private readonly Option<double?> _churn = Count("--churn", $"Joins and leaves per second together; default: each viewer stays {MinutesWatched} minutes");
        private readonly Option<double> _bitrate = Number("--bitrate-interval", "Seconds between bitrate samples", Defaults.BitrateInterval);
        private readonly Option<double> _heartbeat = Number("--heartbeat-interval", "Seconds between heartbeats", Defaults.HeartbeatInterval);
        private readonly Option<double> _gatewayCores = Number("--gateway-cores", "Cores of a gateway", Defaults.Limits.GatewayCores);
        private readonly Option<double> _gatewayMemory = Number("--gateway-memory", "Memory of a gateway in GB", Defaults.Limits.GatewayGigabytes);
        private readonly Option<double> _gatewayNetwork = Number("--gateway-network", "Network of a gateway in Gbit/s", Defaults.Limits.GatewayGigabits);
        private readonly Option<double> _streamStateCores = Number("--streamstate-cores", "Cores of all StreamState replicas", Defaults.Limits.StreamStateCores);
        private readonly Option<double> _postgresCores = Number("--postgres-cores", "Cores of PostgreSQL", Defaults.Limits.PostgresCores);

        public void AddTo(Command command)
        {
            foreach (var option in new Option[]
            {
                _viewers, _streams, _gateways, _shards, _plain, _mix, _events, _churn, _bitrate, _heartbeat,
                _gatewayCores, _gatewayMemory, _gatewayNetwork, _streamStateCores, _postgresCores,
            })
            {
                command.Add(option);
            }
        }

        public double? ViewersOf(ParseResult arguments) => arguments.GetValue(_viewers);

        public PlanInputs Read(ParseResult arguments)
        {
            var viewers = arguments.GetValue(_viewers) ?? Defaults.Viewers;
            return new PlanInputs
            {
                Viewers = viewers,
                Streams = arguments.GetValue(_streams) ?? Defaults.Streams,
                Gateways = arguments.GetValue(_gateways),
                Shards = arguments.GetValue(_shards),
                IsSharded = !arguments.GetValue(_plain),
                Mix = arguments.GetValue(_mix)!,
                EventsPerMinute = arguments.GetValue(_events),
                Joins = (arguments.GetValue(_churn) / 2) ?? (viewers / (MinutesWatched * 60)),
                BitrateInterval = arguments.GetValue(_bitrate),
                HeartbeatInterval = arguments.GetValue(_heartbeat),
                Limits = new PlanLimits
                {
                    GatewayCores = arguments.GetValue(_gatewayCores),
                    GatewayGigabytes = arguments.GetValue(_gatewayMemory),
                    GatewayGigabits = arguments.GetValue(_gatewayNetwork),
                    StreamStateCores = arguments.GetValue(_streamStateCores),
                    PostgresCores = arguments.GetValue(_postgresCores),
                },
            };
        }

        private static Option<double> Number(string name, string description, double value) => new(name) { Description = description, DefaultValueFactory = _ => value };

        /// <summary>A number that may end in k or M.</summary>
        private static Option<double?> Count(string name, string description) => new(name)
        {
            Description = description,
            CustomParser = result =>
            {
                var text = result.Tokens.Single().Value;
                var factor = text[^1] switch { 'k' => 1e3, 'M' => 1e6, _ => 1 };
                if (double.TryParse(factor == 1 ? text : text[..^1], CultureInfo.InvariantCulture, out var number) && number > 0)
                {
                    return number * factor;
                }

                result.AddError($"{name}: {text} is not a number above zero, such as 5000, 100k or 10M.");
                return null;
            },
        };
    }
}
