using Microsoft.Extensions.Configuration;

namespace Nova.AppHost;

internal enum InfrastructureKind
{
    /// <summary>PostgreSQL and Redis are containers.</summary>
    Containers,

    /// <summary>PostgreSQL and Redis are processes of this machine (Nova.LocalInfra).</summary>
    Local,
}

internal enum DemoStart
{
    /// <summary>The demo starts once the gateway is ready.</summary>
    Auto,

    /// <summary>The demo starts when somebody starts it in the dashboard.</summary>
    Manual,
}

/// <summary>Configuration section <c>Nova</c>, from arguments (<c>--Nova:Demo=Manual</c>), environment (<c>Nova__Demo</c>) or appsettings.json.</summary>
/// <param name="Reason">Why this infrastructure, as a sentence for whoever starts the AppHost.</param>
/// <param name="LocalFolder">Where Nova.LocalInfra keeps its database.</param>
/// <param name="Replicas">Of StreamState and Telemetry; two where Nova is published, so that a roll-out leaves one of each.</param>
/// <param name="GatewayPort">Port of the address that both gateways share; null for a free one.</param>
internal sealed record AppHostSettings(InfrastructureKind Infrastructure, string Reason, string LocalFolder, DemoStart Demo, int Replicas, int? GatewayPort)
{
    /// <summary>README's port. Taken only where nobody else has it, so that two copies of Nova run beside each other.</summary>
    private const int PreferredGatewayPort = 8080;

    /// <returns>False after a sentence on standard error for each value that cannot be used.</returns>
    public static bool TryRead(IDistributedApplicationBuilder builder, out AppHostSettings settings)
    {
        List<string> problems = [];
        var section = builder.Configuration.GetSection("Nova");
        var infrastructure = Read<InfrastructureKind>("Infrastructure");
        var demo = Read<DemoStart>("Demo");
        var port = ReadNumber("GatewayPort", 1, 65_535);
        var replicas = ReadNumber("Replicas", 1, 8);

        // The engine is asked only where it matters: publishing must give the same result on every machine.
        var (kind, reason) = problems.Count > 0 || !builder.ExecutionContext.IsRunMode ? (InfrastructureKind.Containers, "")
            : infrastructure is { } chosen ? (chosen, $"Nova:Infrastructure is {chosen}.")
            : Choose(ContainerEngine.Ask());
        settings = new(
            kind,
            $"PostgreSQL and Redis are {(kind is InfrastructureKind.Containers ? "containers" : "processes of this machine")}. {reason}",
            section["DataFolder"] ?? (kind is InfrastructureKind.Local ? DataFolder.Take(builder.AppHostDirectory) : ""),
            demo ?? DemoStart.Auto,
            replicas ?? (builder.ExecutionContext.IsRunMode ? 1 : 2),
            port ?? (builder.ExecutionContext.IsRunMode && FreePort.IsFree(PreferredGatewayPort) ? PreferredGatewayPort : null));
        problems.ForEach(Console.Error.WriteLine);
        return problems.Count == 0;

        static (InfrastructureKind Kind, string Reason) Choose(ContainerEngine engine) =>
            (engine.Answers ? InfrastructureKind.Containers : InfrastructureKind.Local, engine.Sentence);

        T? Read<T>(string key)
            where T : struct, Enum
        {
            if (section[key] is not { Length: > 0 } value)
            {
                return null;
            }

            var isKnown = Enum.GetNames<T>().Contains(value, StringComparer.OrdinalIgnoreCase);
            Check(isKnown, key, string.Join(" or ", Enum.GetNames<T>()));
            return isKnown ? Enum.Parse<T>(value, ignoreCase: true) : null;
        }

        int? ReadNumber(string key, int min, int max)
        {
            if (section[key] is not { Length: > 0 } value)
            {
                return null;
            }

            var isValid = int.TryParse(value, out var number) && number >= min && number <= max;
            Check(isValid, key, $"a number from {min} to {max}");
            return isValid ? number : null;
        }

        void Check(bool isValid, string key, string form)
        {
            if (!isValid)
            {
                problems.Add($"Nova:{key} must be {form}; it is {section[key]}.");
            }
        }
    }
}
