using System.Globalization;
using Microsoft.Extensions.Options;

namespace Nova.Gateway.Admission;

/// <summary>
/// How many sockets the process can have open: each is a file descriptor, and a process that has none left can neither accept nor refuse, but
/// spins on the attempt (F46). So the limits follow what the system allows, and the last descriptors are never used up.
/// </summary>
internal sealed class FileDescriptors
{
    /// <summary>For files, pipes, timers, and connections to Redis and the services.</summary>
    private const int Reserve = 256;

    private const string LimitsFile = "/proc/self/limits";

    public FileDescriptors(IOptions<GatewayOptions> options, ILogger<FileDescriptors> logger)
        : this(options.Value, Allowed() - InUse(), logger)
    {
    }

    internal FileDescriptors(GatewayOptions options, int allowed, ILogger logger)
    {
        var sockets = Math.Max(2, allowed - Reserve);
        Pending = Math.Min(options.MaxPendingConnections, Math.Max(1, sockets / 4));
        Capacity = Math.Min(options.MaxConnections, sockets - Pending);
        if (Capacity < options.MaxConnections)
        {
            logger.CapacityLowered(Capacity, options.MaxConnections, allowed);
        }
    }

    /// <summary>Viewers.</summary>
    public int Capacity { get; }

    /// <summary>Connections that are not, or not yet, a viewer's.</summary>
    public int Pending { get; }

    /// <summary>A process with many assemblies has hundreds of files open before the first connection.</summary>
    private static int InUse() => Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : 0;

    /// <summary>The soft limit, which .NET raises to the hard one as it starts; no limit where there is no such file.</summary>
    private static int Allowed()
    {
        const string Row = "Max open files";
        var line = File.Exists(LimitsFile) ? File.ReadLines(LimitsFile).FirstOrDefault(line => line.StartsWith(Row, StringComparison.Ordinal)) : null;
        var value = line?[Row.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : int.MaxValue;
    }
}
