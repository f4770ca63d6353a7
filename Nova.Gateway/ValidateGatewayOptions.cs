using Microsoft.Extensions.Options;
using Nova.Gateway.Admission;

namespace Nova.Gateway;

/// <summary>Reports everything that is wrong with section <c>Gateway</c>, each with its key.</summary>
internal sealed class ValidateGatewayOptions : IValidateOptions<GatewayOptions>
{
    private const string Networks = "addresses and networks such as 10.0.0.0/8 with commas between";

    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        List<string> errors = [];
        void Check(bool valid, string key, object value, string rule)
        {
            if (!valid)
            {
                errors.Add($"{GatewayOptions.Section}:{key} must be {rule}; it is {value}.");
            }
        }

        Check(options.MaxConnections > 0, nameof(options.MaxConnections), options.MaxConnections, "at least 1");
        Check(options.MaxPendingConnections > 0, nameof(options.MaxPendingConnections), options.MaxPendingConnections, "at least 1");
        Check(options.MaxPendingConnectionsPerAddress > 0, nameof(options.MaxPendingConnectionsPerAddress), options.MaxPendingConnectionsPerAddress, "at least 1");
        Check(options.MaxConnectionsPerViewer > 0, nameof(options.MaxConnectionsPerViewer), options.MaxConnectionsPerViewer, "at least 1");
        Check(options.MaxConnectionsPerAddress > 0, nameof(options.MaxConnectionsPerAddress), options.MaxConnectionsPerAddress, "at least 1");
        Check(options.UpgradesPerSecond > 0, nameof(options.UpgradesPerSecond), options.UpgradesPerSecond, "more than 0");
        Check(options.UpgradesBurst > 0, nameof(options.UpgradesBurst), options.UpgradesBurst, "at least 1");
        Check(options.RequestsPerSecond > 0, nameof(options.RequestsPerSecond), options.RequestsPerSecond, "more than 0");
        Check(options.RequestsBurst > 0, nameof(options.RequestsBurst), options.RequestsBurst, "at least 1");
        Check(IsNetworks(options.UnlimitedClients), nameof(options.UnlimitedClients), options.UnlimitedClients, Networks);
        Check(IsNetworks(options.KnownProxies), nameof(options.KnownProxies), options.KnownProxies, Networks);
        Check(
            OriginList.Parse(options.AllowedOrigins).All(OriginList.IsOrigin), nameof(options.AllowedOrigins), options.AllowedOrigins,
            "origins such as https://example.org with commas between");
        Check(options.FirstByteTimeout >= TimeSpan.FromSeconds(1), nameof(options.FirstByteTimeout), options.FirstByteTimeout, "at least 1 s");
        Check(options.RequestHeadTimeout >= TimeSpan.FromSeconds(1), nameof(options.RequestHeadTimeout), options.RequestHeadTimeout, "at least 1 s");
        Check(options.KeepAliveTimeout >= TimeSpan.FromSeconds(1), nameof(options.KeepAliveTimeout), options.KeepAliveTimeout, "at least 1 s");
        Check(options.MaxRequestBodyBytes >= 1024, nameof(options.MaxRequestBodyBytes), options.MaxRequestBodyBytes, "at least 1024");
        Check(options.RoomLinger > TimeSpan.Zero, nameof(options.RoomLinger), options.RoomLinger, "longer than zero");
        Check(options.UnknownStreamLinger > TimeSpan.Zero, nameof(options.UnknownStreamLinger), options.UnknownStreamLinger, "longer than zero");
        Check(
            options.CountInterval >= TimeSpan.FromMilliseconds(10) && options.CountInterval <= TimeSpan.FromMilliseconds(100),
            nameof(options.CountInterval), options.CountInterval, "from 10 ms to 100 ms");
        Check(options.PresenceLease >= TimeSpan.FromSeconds(3), nameof(options.PresenceLease), options.PresenceLease, "at least 3 s");
        Check(options.IssueQueue > 0, nameof(options.IssueQueue), options.IssueQueue, "at least 1");
        Check(options.IssueQueueBytes >= 64 * 1024, nameof(options.IssueQueueBytes), options.IssueQueueBytes, "at least 65536, the size of a few reports");
        Check(options.StallTimeout >= TimeSpan.FromSeconds(5), nameof(options.StallTimeout), options.StallTimeout, "at least 5 s");
        Check(options.DrainDelay >= TimeSpan.Zero, nameof(options.DrainDelay), options.DrainDelay, "zero or longer");
        Check(options.DrainWave > 0, nameof(options.DrainWave), options.DrainWave, "at least 1");
        Check(options.DrainInterval >= TimeSpan.Zero, nameof(options.DrainInterval), options.DrainInterval, "zero or longer");
        Check(options.DrainRetrySpread > TimeSpan.Zero, nameof(options.DrainRetrySpread), options.DrainRetrySpread, "longer than zero");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    private static bool IsNetworks(string list)
    {
        try
        {
            return ClientNetworks.Parse(list).Count() >= 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
