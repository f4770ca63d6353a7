using Nova.Cli.Commands;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Nova.Cli.Simulation;

/// <summary>Faults in turn, written in YAML: <c>- {after: 10s, do: drain}</c>.</summary>
internal static class SimulationScript
{
    /// <exception cref="UsageException">The file cannot be read; the message names the line or the step.</exception>
    public static IReadOnlyList<(TimeSpan After, Fault Fault)> Read(string file)
    {
        try
        {
            var steps = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build().Deserialize<List<SimulationStep?>>(File.ReadAllText(file)) ?? [];
            return [.. steps.Select((step, index) => Of(step ?? throw new UsageException($"Step {index + 1} is empty."), index + 1))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read: {exception.Message}");
        }
        catch (YamlException exception)
        {
            throw new UsageException($"{file}, line {exception.Start.Line}: {exception.InnerException?.Message ?? exception.Message}");
        }
    }

    /// <exception cref="UsageException">There is no such fault, or a value is wrong.</exception>
    public static Fault FaultOf(string? name, string? forTime, int? code, string? reason, string? delay)
    {
        if (name is null || !(Faults.ByName.ContainsKey(name) || name == "clear"))
        {
            throw new UsageException($"do must be one of {string.Join(", ", Faults.ByName.Keys)}, clear; it is '{name}'.");
        }

        if (code is not (null or (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999)))
        {
            throw new UsageException($"code must be a close code that may be sent (1000-1003, 1007-1014, 3000-4999); it is {code}.");
        }

        return new Fault(name, Time("for", forTime), code, reason, Time("delay", delay));
    }

    private static (TimeSpan After, Fault Fault) Of(SimulationStep step, int number)
    {
        try
        {
            return (Time("after", step.After) ?? TimeSpan.Zero, FaultOf(step.Do, step.For, step.Code, step.Reason, step.Delay));
        }
        catch (UsageException exception)
        {
            throw new UsageException($"Step {number}: {exception.Message}");
        }
    }

    private static TimeSpan? Time(string name, string? text) => text is null ? null
        : Shared.TryReadDuration(text, out var time) ? time : throw new UsageException($"{name} must be a time such as 5s, but is '{text}'.");
}

internal sealed class SimulationStep
{
    public string? After { get; set; }

    public string? Do { get; set; }

    public string? For { get; set; }

    public int? Code { get; set; }

    public string? Reason { get; set; }

    public string? Delay { get; set; }
}
