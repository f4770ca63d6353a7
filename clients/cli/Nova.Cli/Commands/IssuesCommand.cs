using System.CommandLine;
using Nova.Cli.Output;
using Nova.Client;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary><c>nova issues</c>: what viewers report, once or as it comes.</summary>
internal static class IssuesCommand
{
    public static Command Create()
    {
        var follow = new Option<bool>("--follow") { Description = "Go on with those that come" };
        var stream = new Option<Guid?>("--stream") { Description = "Only of this stream", CustomParser = result => Shared.ReadId(result, "--stream") };
        var since = Shared.Duration("--since", "Only of the last, such as 10m");
        var limit = new Option<int>("--limit") { Description = "At most so many", DefaultValueFactory = _ => 50 };
        var command = new Command("issues", "List viewers' reports, newest first.") { follow, stream, since, limit };
        command.Runs(async context =>
        {
            using var issues = context.Issues();
            var filter = new IssueFilter(
                context.Arguments.GetValue(stream), context.Arguments.GetValue(since) is { } age ? DateTimeOffset.UtcNow - age : null);
            if (context.Arguments.GetValue(follow))
            {
                await FollowAsync(issues, filter, context.Arguments.GetValue(limit), context);
            }
            else if (await ListAsync(issues, filter, context.Arguments.GetValue(limit), context) is { Count: 0 } && !context.Screen.IsJson)
            {
                context.Screen.Ansi.MarkupLine("No viewer has reported anything.");
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<HashSet<Guid>> ListAsync(NovaIssues issues, IssueFilter filter, int limit, CommandContext context)
    {
        HashSet<Guid> shown = [];
        await foreach (var issue in issues.ListAsync(filter, context.Stop))
        {
            if (shown.Count == limit)
            {
                break;
            }

            shown.Add(issue.IssueId);
            context.Screen.Write(issue, Words.Of(issue));
        }

        return shown;
    }

    /// <summary>The feed is open before the list is read, so that nothing is stored between the two.</summary>
    private static async Task FollowAsync(NovaIssues issues, IssueFilter filter, int limit, CommandContext context)
    {
        var opened = new TaskCompletionSource();
        var feed = issues.FollowAsync(filter with { Since = null }, () => opened.TrySetResult(), context.Stop).GetAsyncEnumerator(context.Stop);
        var next = feed.MoveNextAsync().AsTask();
        await await Task.WhenAny(opened.Task, next);
        var shown = await ListAsync(issues, filter, limit, context);
        for (; await next; next = feed.MoveNextAsync().AsTask())
        {
            if (shown.Add(feed.Current.IssueId))
            {
                context.Screen.Write(feed.Current, Words.Of(feed.Current));
            }
        }
    }
}

/// <summary><c>nova qoe</c>: a broadcast beside what its viewers reported, and which change hurt them.</summary>
internal static class QoeCommand
{
    public static Command Create()
    {
        var stream = Shared.StreamId();
        var command = new Command("qoe", "What hurt a stream's viewers.") { stream };
        command.Runs(async context =>
        {
            using var issues = context.Issues();
            var qoe = await issues.GetQoeAsync(context.Arguments.GetValue(stream), context.Stop);
            if (context.Screen.IsJson)
            {
                context.Screen.Json(qoe);
                return ExitCodes.Ok;
            }

            context.Screen.Ansi.MarkupLine($"[bold]{qoe.Summary.EscapeMarkup()}[/]");
            var (audience, reports) = (new Sparkline(60), new Sparkline(60));
            foreach (var point in qoe.Timeline)
            {
                audience.Add((int)point.Audience);
                reports.Add(point.Reports);
            }

            context.Screen.Ansi.MarkupLine($"audience  [blue]{audience}[/]\nreports   [red]{reports}[/]  {qoe.BucketSeconds} s each");
            if (qoe.Changes.Count > 0)
            {
                context.Screen.Table(
                    ["Time", "What", "Verdict", "Summary"],
                    qoe.Changes.Select(change => new[] { $"{change.At:HH:mm:ss}", change.Description.EscapeMarkup(), change.Verdict == "harmful" ? "[red]harmful[/]" : change.Verdict, change.Summary.EscapeMarkup() }));
            }

            return ExitCodes.Ok;
        });
        return command;
    }
}
