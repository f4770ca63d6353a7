using System.Reflection;

namespace Nova.Protocol.Live;

/// <summary>The scripts that write what <see cref="LiveKeys"/> names. Each says in its first lines what it takes and returns.</summary>
public static class LiveScripts
{
    public static readonly string AnnounceChange = Read("announce_change.lua");
    public static readonly string BeginWalk = Read("begin_walk.lua");
    public static readonly string LiveGateways = Read("live_gateways.lua");
    public static readonly string PublishEvents = Read("publish_events.lua");
    public static readonly string RecordSignal = Read("record_signal.lua");
    public static readonly string RenewGateway = Read("renew_gateway.lua");
    public static readonly string ReportViewers = Read("report_viewers.lua");

    private static string Read(string fileName)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(fileName)
            ?? throw new InvalidOperationException($"{fileName} is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
