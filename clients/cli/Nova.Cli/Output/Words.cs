using Nova.Client;
using Nova.Protocol;
using Spectre.Console;

namespace Nova.Cli.Output;

/// <summary>How values are shown.</summary>
internal static class Words
{
    public static string Of(StreamStatus? status) => status switch
    {
        StreamStatus.Active => "[green]active[/]",
        StreamStatus.Scheduled => "[yellow]scheduled[/]",
        StreamStatus.Ended => "[grey]ended[/]",
        _ => "…",
    };

    public static string Of(StreamHealth? health) => health switch
    {
        null => "…",
        StreamHealth.Excellent or StreamHealth.Good => $"[green]{WireNames<StreamHealth>.Of(health.Value)}[/]",
        StreamHealth.Fair => "[yellow]fair[/]",
        _ => "[red]poor[/]",
    };

    public static string Of(StreamQuality? quality) => quality is { } known ? WireNames<StreamQuality>.Of(known) : "…";

    public static string Of(Issue issue) =>
        $"{issue.ReportedAt:HH:mm:ss}  {WireNames<IssueType>.Of(issue.IssueType)} ({WireNames<IssueSeverity>.Of(issue.Severity)})  {issue.StreamId}  {Plain(issue.Description).EscapeMarkup()}";

    /// <summary>What strangers wrote, on one line and without commands to the terminal.</summary>
    public static string Plain(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));

    public static string Duration(long seconds) => TimeSpan.FromSeconds(seconds) is var time && time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
