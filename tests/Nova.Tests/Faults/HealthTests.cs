using System.Diagnostics;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// Probes time out after a second or a few. A dependency that hangs must not make them do so: every replica would be taken out or restarted
/// by an outage that it is built to survive (F24, S62).
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class HealthTests(FaultLabFixture labs)
{
    private const int Probes = 3;

    private static readonly TimeSpan Limit = Seconds(1);

    /// <summary>One of several probes may take this long: other work of the machine delays one, a server that is waited for delays each.</summary>
    private static readonly TimeSpan BusyLimit = Seconds(2);

    public enum Fault
    {
        RedisHangs,
        RedisIsKilled,
        PostgresHangs,
        PostgresIsKilled,
    }

    [Theory]
    [InlineData(Fault.RedisHangs)]
    [InlineData(Fault.RedisIsKilled)]
    [InlineData(Fault.PostgresHangs)]
    [InlineData(Fault.PostgresIsKilled)]
    public async Task DependencyIsAway_EveryProbe_IsAnsweredInASecond(Fault fault)
    {
        var lab = await labs.HealthyLabAsync();
        await MakeAsync(lab, fault);
        List<LabService> users = fault is Fault.RedisHangs or Fault.RedisIsKilled
            ? [.. lab.Gateways.Select(gateway => gateway.Service), .. lab.States.Select(state => state.Service)]
            : [.. lab.States.Select(state => state.Service), lab.Telemetry.Service];
        List<LabService> others = [lab.Telemetry.Service, .. lab.Gateways.Select(gateway => gateway.Service)];
        others.RemoveAll(users.Contains);

        // Redis away is a reason to say so and none to be taken out; without PostgreSQL there is nothing to serve.
        var expected = fault is Fault.RedisHangs or Fault.RedisIsKilled ? "200 Degraded" : "503 Unhealthy";
        var answers = await Task.WhenAll(
            [.. users.Select(service => ProbeAsync(service, expected)), .. others.Select(service => ProbeAsync(service, "200 Healthy"))]);
        Assert.True(answers.All(answer => answer.Length == 0), string.Join('\n', answers.Where(answer => answer.Length > 0)));
    }

    [Fact]
    public async Task OneOfTwoRedisServersIsKilled_EveryProbe_IsAnsweredInASecond()
    {
        var lab = await labs.HealthyLabAsync();
        await using var replica = new RedisServer();
        await replica.StartAsync("--replicaof", "127.0.0.1", $"{lab.Redis.Port}");
        await using var gateway = await lab.StartGatewayAsync(("ConnectionStrings__redis", $"{lab.Redis.Address},{replica.Address}"));
        await replica.KillAsync();
        var answers = await ProbeAsync(gateway.Service, "200");
        Assert.True(answers.Length == 0, answers);
    }

    private static Task MakeAsync(FaultLab lab, Fault fault)
    {
        switch (fault)
        {
            case Fault.RedisHangs:
                lab.Redis.Freeze();
                break;
            case Fault.RedisIsKilled:
                return lab.Redis.KillAsync();
            case Fault.PostgresHangs:
                lab.Postgres.Freeze();
                break;
            case Fault.PostgresIsKilled:
                lab.Postgres.Kill();
                break;
        }

        return Task.CompletedTask;
    }

    /// <summary>
    /// Probes until the service says what is expected, and at least a few times: it may take some seconds to notice that a server hangs.
    /// </summary>
    /// <returns>What was wrong, or nothing.</returns>
    private static async Task<string> ProbeAsync(LabService service, string expected)
    {
        List<Probe> health = [], alive = [];
        var started = Stopwatch.GetTimestamp();
        do
        {
            health.Add(await service.ProbeAsync("/health"));
            alive.Add(await service.ProbeAsync("/alive"));
        }
        while (health[^1].Took < BusyLimit && (health.Count < Probes || (!Says(health[^1]) && Stopwatch.GetElapsedTime(started) < Seconds(10))));

        var isWell = Says(health[^1]) && IsQuick(health) && IsQuick(alive) && alive.All(probe => probe.Status == 200)
            && health.All(probe => probe.Status == health[^1].Status || probe.Body == "Healthy");
        return isWell ? "" : $"{service.Process.Name}, {expected} expected: /health {Report(health)}; /alive {Report(alive)}";

        bool Says(Probe probe) => $"{probe.Status} {probe.Body}".StartsWith(expected, StringComparison.Ordinal);
    }

    private static bool IsQuick(IReadOnlyList<Probe> probes) =>
        probes.All(probe => probe.Took < BusyLimit) && probes.Count(probe => probe.Took >= Limit) <= 1;

    private static string Report(IEnumerable<Probe> probes) =>
        string.Join(", ", probes.Take(8).Select(probe => $"{probe.Status} {probe.Body} in {probe.Took.TotalSeconds:F2} s"));
}
