using System.CommandLine;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary>The options of every workload.</summary>
internal sealed class CommonOptions
{
    private readonly Option<int?> _viewers = new("--viewers") { Description = "Viewers; each workload has its own default" };
    private readonly Option<double?> _rate = new("--rate") { Description = "Rate per second of what the workload counts: events, joins, reports" };
    private readonly Option<int?> _seconds = new("--seconds") { Description = "Length of the measured window" };
    private readonly Option<int?> _reports = new("--reports") { Description = "Issue reports in the database before queries are measured (W14)" };
    private readonly Option<int> _warmup = Warmup();
    private readonly Option<int> _inFlight = new("--in-flight") { Description = "Concurrent connects", DefaultValueFactory = _ => 256 };
    private readonly Option<bool> _bothCores = new("--both-cores") { Description = "Let the system use the generator's core too; for total throughput, not for comparisons" };
    private readonly Option<int> _quietWait = new("--quiet-wait") { Description = "Maximum seconds to wait until no other process uses the machine" };

    private readonly Option<bool> _awake = Awake();

    public static Option<int> Warmup() => new("--warmup") { Description = "Seconds of the same load before the measured window", DefaultValueFactory = _ => 2 };

    public static Option<bool> Awake() => new("--awake")
    {
        Description = "Keep idle cores from halting (root only): in a virtual machine, waking a core costs as much as several sends",
    };

    /// <param name="command">The command that gets the options.</param>
    /// <param name="except">An option that the command has itself.</param>
    public void AddTo(Command command, string? except = null)
    {
        foreach (var option in new Option[] { _viewers, _rate, _seconds, _reports, _warmup, _inFlight, _bothCores, _quietWait, _awake })
        {
            if (option.Name != except)
            {
                command.Add(option);
            }
        }
    }

    public RunSettings Read(ParseResult arguments) => new()
    {
        Viewers = arguments.GetValue(_viewers),
        Rate = arguments.GetValue(_rate),
        Seconds = arguments.GetValue(_seconds),
        Reports = arguments.GetValue(_reports),
        Warmup = TimeSpan.FromSeconds(arguments.GetValue(_warmup)),
        InFlight = arguments.GetValue(_inFlight),
        BothCores = arguments.GetValue(_bothCores),
        QuietWait = TimeSpan.FromSeconds(arguments.GetValue(_quietWait)),
        Awake = arguments.GetValue(_awake),
    };
}
