using System.CommandLine;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary><c>compare</c>: runs W1 on Nova and its peers.</summary>
internal static class CompareCommand
{
    private const int QuickSeconds = 3;

    public static Command Create()
    {
        var viewers = List<int>("--viewers", "Numbers of viewers, such as 1000,10000", [1_000, 10_000]);
        var peers = List<string>("--peers", $"Systems, out of {string.Join(',', SystemCatalog.Names)}", SystemCatalog.Names);
        var rates = List<double>("--rates", "Events/s; default: 50,000 deliveries/s at each number of viewers, and at 1,000 viewers doubled up to the knee", []);
        var repeats = new Option<int>("--repeats") { Description = "Repeats of the whole comparison; each repeat reverses the order of the systems", DefaultValueFactory = _ => 5 };
        var seconds = new Option<int>("--seconds") { Description = "Length of each window", DefaultValueFactory = _ => 5 };
        var quiet = new Option<int>("--quiet-wait") { Description = "Maximum seconds to wait, before each system, until no other process uses the machine" };
        var warmup = CommonOptions.Warmup();
        var awake = CommonOptions.Awake();
        var quick = new Option<bool>("--quick") { Description = $"One repeat with windows of {QuickSeconds} s, to check that every system works" };
        var command = new Command("compare", "Runs the same load on Nova and its peers, and prints medians and ratios.")
        {
            viewers, peers, rates, repeats, warmup, seconds, quiet, awake, quick,
        };
        command.SetAction((arguments, cancellationToken) =>
        {
            var isQuick = arguments.GetValue(quick);
            var settings = new RunSettings
            {
                Seconds = isQuick ? QuickSeconds : arguments.GetValue(seconds),
                Warmup = TimeSpan.FromSeconds(arguments.GetValue(warmup)),
                QuietWait = TimeSpan.FromSeconds(arguments.GetValue(quiet)),
                Awake = arguments.GetValue(awake),
            };
            return Terminal.RunAsync(() => RunAsync(
                settings, arguments.GetValue(peers)!, arguments.GetValue(viewers)!, arguments.GetValue(rates)!,
                isQuick ? 1 : arguments.GetValue(repeats), cancellationToken));
        });
        return command;
    }

    private static async Task RunAsync(
        RunSettings settings, string[] peers, int[] viewers, double[] rates, int repeats, CancellationToken cancellationToken)
    {
        var systems = await PeersCommand.PrepareAsync(peers, cancellationToken);
        var report = new Report("Nova and its peers, W1");
        try
        {
            var placement = Terminal.Prepare(settings, report);
            foreach (var system in systems)
            {
                await using var described = SystemCatalog.Create(system, placement);
                report.Note($"{system}: {described.Description}");
            }

            await new Comparison(new Bench(settings, placement, report, cancellationToken), systems, viewers, rates, repeats).RunAsync();
        }
        finally
        {
            report.Finish(); // Keeps the cells that were measured before a failure.
        }
    }

    private static Option<T[]> List<T>(string name, string description, T[] defaults)
        where T : IParsable<T> => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => defaults,
            CustomParser = result =>
            {
                List<T> values = [];
                foreach (var text in result.Tokens.SelectMany(static token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries)))
                {
                    if (T.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value))
                    {
                        values.Add(value);
                    }
                    else
                    {
                        result.AddError($"{name}: {text} is not a valid {typeof(T).Name}.");
                    }
                }

                return [.. values];
            },
        };
}
