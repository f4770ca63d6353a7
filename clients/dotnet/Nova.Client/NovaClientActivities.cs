using System.Diagnostics;

namespace Nova.Client;

/// <summary>Traces: add the source <c>Nova.Client</c> to those that your program exports.</summary>
public static class NovaClientActivities
{
    public const string SourceName = "Nova.Client";

    internal static ActivitySource Source { get; } = new(SourceName);
}
