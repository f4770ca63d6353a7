using System.Globalization;
using System.Text;
using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Planning;

/// <summary>Prints a plan as Markdown.</summary>
internal static class PlanReport
{
    public static string Of(Plan plan, UnitCosts costs)
    {
        var (inputs, traffic) = (plan.Inputs, plan.Traffic);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# {inputs.Viewers:N0} viewers, {inputs.Streams:N0} streams, {inputs.Gateways:N0} gateways, {inputs.Shards} Redis shards").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"Unit costs of {costs.Measured}, commit {costs.Commit}; viewers distributed {inputs.Mix}, the largest stream has {traffic.Hottest.Viewers:N0}; "
            + $"{inputs.EventsPerMinute} changes per stream and minute, a bitrate sample every {inputs.BitrateInterval} s, a heartbeat every {inputs.HeartbeatInterval} s, "
            + $"{inputs.Joins:N0} joins and as many leaves a second, {(inputs.IsSharded ? "sharded" : "plain")} pub/sub.").AppendLine();

        text.Append(MarkdownTable.Of(["Part", "What", "Per second", "µs each", "Cores"],
        [
            .. Rows("gateways", plan.Gateways), .. Rows("Redis", plan.Redis), .. Rows("StreamState", plan.StreamState), .. Rows("PostgreSQL", plan.Postgres),
        ])).AppendLine();

        text.Append(MarkdownTable.Of(["What", "Total", "Per gateway or shard"], Totals(plan))).AppendLine();

        var uses = plan.Uses();
        text.Append(MarkdownTable.Of(
            ["Limit", "Used", "Of", "%"], uses.Select(static use => (IReadOnlyList<string>)[use.What, Number(use.Used, use.Unit), Number(use.Limit, use.Unit), Percent(use.Share)])));
        var tooFull = uses.Where(use => use.Share > inputs.Limits.Utilisation).Select(static use => use.What).ToList();
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"First bottleneck: {uses[0].What}, {Percent(uses[0].Share)} used; a plan should use at most {Percent(inputs.Limits.Utilisation)}.");
        if (tooFull.Count > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Too full: {string.Join("; ", tooFull)}.");
        }

        return text.ToString();
    }

    private static IEnumerable<IReadOnlyList<string>> Rows(string part, IReadOnlyList<PlanLine> lines) =>
    [
        .. lines.Where(static line => line.PerSecond > 0).Select(line => (IReadOnlyList<string>)
            [part, line.What, Invariant($"{line.PerSecond:N0}"), Invariant($"{line.Microseconds:N1}"), Invariant($"{line.Cores:N2}")]),
        [$"**{part}**", "", "", "", Invariant($"**{Plan.Sum(lines):N1}**")],
    ];

    private static IEnumerable<IReadOnlyList<string>> Totals(Plan plan)
    {
        var (inputs, traffic) = (plan.Inputs, plan.Traffic);
        var scripts = traffic.Changes + traffic.Bitrates + traffic.Heartbeats + traffic.Reports;
        return
        [
            Row("connections", inputs.Viewers, inputs.Gateways),
            Row("streams held", traffic.HeldStreams, inputs.Gateways),
            Row("deliveries/s", traffic.Deliveries, inputs.Gateways),
            Row("memory of gateways, MB", plan.GatewayMegabytes, inputs.Gateways),
            Row("to viewers, Gbit/s", BandwidthPlan.ToViewers(inputs, traffic) / 1e9, inputs.Gateways),
            Row("Redis: scripts/s", scripts, inputs.Shards),
            Row("Redis: messages published/s", traffic.Publishes, inputs.Shards),
            Row("Redis: messages to gateways/s", traffic.Messages, inputs.Shards),
            Row("from Redis, Gbit/s", BandwidthPlan.FromRedis(inputs, traffic) / 1e9, inputs.Shards),
            [.. Row("StreamState: samples/s", traffic.Bitrates + traffic.Heartbeats, 1).Take(2), ""],
            [.. Row("StreamState: state changes/s", traffic.Changes, 1).Take(2), ""],
            [.. Row("PostgreSQL: transactions/s", plan.Transactions, 1).Take(2), ""],
        ];
    }

    private static IReadOnlyList<string> Row(string what, double total, double parts) => [what, Number(total, ""), Number(total / parts, "")];

    private static string Number(double value, string unit) => Invariant($"{(value is > 0 and < 100 ? value.ToString("G3", CultureInfo.InvariantCulture) : value.ToString("N0", CultureInfo.InvariantCulture))} {unit}").Trim();

    private static string Percent(double share) => Invariant($"{100 * share:F0} %");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
