using System.CommandLine;
using Nova.Cli.Output;
using Nova.Cli.Profiles;
using Nova.Client;
using Nova.Protocol;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Nova.Cli.Commands;

/// <summary><c>nova watch</c>: one viewer's view. Drawn in place on a terminal, a line for each event in a pipe, the events themselves with --json.</summary>
internal static class WatchCommand
{
    private const int ShownEvents = 10;

    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var stream = Shared.StreamId();
        var sub = new Option<string>("--sub") { Description = "Who watches", DefaultValueFactory = _ => $"nova-cli-{Environment.ProcessId}" };
        var command = new Command("watch", "Watch a stream as a viewer does, until it ends. With --json: its events, which nova broadcast --script plays again.") { stream, sub };
        command.Runs(async context =>
        {
            var id = context.Arguments.GetValue(stream);
            var options = context.Profile.ClientOptions("viewer");
            var claims = new TokenClaims(context.Arguments.GetValue(sub)!, "viewer", [id]); // Also where the stream is private.
            options.Token = async stop => await context.Profile.TokenAsync(claims, stop);
            await CheckAsync(context, claims);
            await using var viewer = new NovaViewer(id, options);
            await (context.Screen.IsLive ? DrawAsync(viewer, context) : PrintAsync(viewer, context));
            var closed = await viewer.Completion;
            await Console.Error.WriteLineAsync($"Closed: {closed.Message}");
            return closed.Reason == ClosedReason.StreamEnded ? ExitCodes.Ok : ExitCodes.Refused;
        });
        return command;
    }

    /// <summary>A viewer tries again for ever; a wrong address or a missing key is said at once.</summary>
    private static async Task CheckAsync(CommandContext context, TokenClaims claims)
    {
        await context.Profile.TokenAsync(claims, context.Stop);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        using var answer = await http.GetAsync(new Uri(context.Profile.Address, "/alive"), context.Stop);
    }

    private static async Task PrintAsync(NovaViewer viewer, CommandContext context)
    {
        string? waiting = null;
        viewer.StateChanged += state =>
        {
            if (state.RetryReason is { } reason && state.RetryAt is not null && reason != waiting)
            {
                Console.Error.WriteLine($"{reason}. Tried again at {state.RetryAt.Value.ToLocalTime():HH:mm:ss}");
            }

            waiting = state.RetryReason;
        };
        await foreach (var message in viewer.ReadAllAsync(context.Stop))
        {
            if (context.Screen.IsJson)
            {
                context.Screen.Json(new { @event = message.Name, data = message.Data });
            }
            else if (message.Message is not (Ping or StreamInfo))
            {
                Screen.WriteLine(Line(message));
            }
        }
    }

    private static async Task DrawAsync(NovaViewer viewer, CommandContext context)
    {
        var (counts, events) = (new Sparkline(40), new Queue<string>());
        using var asking = CancellationTokenSource.CreateLinkedTokenSource(context.Stop);
        _ = AskAsync(viewer, asking.Token);
        await context.Screen.Ansi.Live(new Text("Connecting…")).StartAsync(async live =>
        {
            viewer.StateChanged += state => live.UpdateTarget(View(state, counts, events));
            await foreach (var message in viewer.ReadAllAsync(context.Stop))
            {
                lock (events)
                {
                    if (message.Message is ViewerCountChanged count)
                    {
                        counts.Add(count.ViewerCount);
                    }
                    else if (message.Message is not (Ping or StreamInfo or BitrateUpdate))
                    {
                        events.Enqueue(Line(message));
                        _ = events.Count > ShownEvents && events.TryDequeue(out _);
                    }
                }

                live.UpdateTarget(View(viewer.State, counts, events));
            }
        });
        await asking.CancelAsync();
    }

    /// <summary>The round trip is that of the last question.</summary>
    private static async Task AskAsync(NovaViewer viewer, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(AskInterval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ((Task)viewer.GetStreamInfoAsync(cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Rows View(ViewerState state, Sparkline counts, Queue<string> events)
    {
        var connection = state.RetryAt is { } at ? $"[yellow]{state.RetryReason.EscapeMarkup()}, tried again at {at.ToLocalTime():HH:mm:ss}[/]"
            : state.IsCurrent ? "" : $"[yellow]{state.Connection.ToString().ToLowerInvariant()}[/]";
        lock (events)
        {
            List<IRenderable> rows =
            [
                new Markup($"[bold]{Words.Plain(state.Title ?? "A scheduled stream").EscapeMarkup()}[/]  {Words.Of(state.Status)}  {connection}"),
                new Markup($"{state.ViewerCount?.ToString() ?? "…"} viewers, peak {state.PeakViewers?.ToString() ?? "…"}  [blue]{counts}[/]"),
                new Markup($"{Words.Of(state.Quality)}, {state.BitrateKbps?.ToString() ?? "…"} kbps announced, {state.CurrentBitrateKbps?.ToString() ?? "…"} measured, health {Words.Of(state.Health)}, "
                    + $"latency {(state.Latency is { } latency ? $"{latency.TotalMilliseconds:F0} ms" : "…")}"),
                new Markup(state.Error is { } error ? $"[red]{error.ErrorCode}[/] {Words.Plain(error.Message).EscapeMarkup()}. {Words.Plain(error.SuggestedAction).EscapeMarkup()}" : ""),
            ];
            rows.AddRange(events.Select(line => new Text(line, new Style(Color.Grey))));
            return new Rows(rows);
        }
    }

    private static string Line(StreamEvent message) => Words.Plain(TextOf(message));

    private static string TextOf(StreamEvent message) => message.Message switch
    {
        ConnectionEstablished established => $"{established.Timestamp:HH:mm:ss.fff} connected as viewer {established.ViewerId}",
        StreamStarted started => $"{started.Timestamp:HH:mm:ss.fff} started: {started.Title}, {WireNames<StreamQuality>.Of(started.Quality)}, {started.Fps} fps, {started.BitrateKbps} kbps",
        StreamEnded ended => $"{ended.Timestamp:HH:mm:ss.fff} ended ({WireNames<EndReason>.Of(ended.Reason)}) after {Words.Duration(ended.DurationSeconds)}, {ended.PeakViewers} viewers at most",
        ViewerCountChanged count => $"{count.Timestamp:HH:mm:ss.fff} {count.ViewerCount} viewers ({count.Change:+0;-0;0})",
        QualityChanged quality => $"{quality.Timestamp:HH:mm:ss.fff} {WireNames<StreamQuality>.Of(quality.NewQuality)} at {quality.NewBitrateKbps} kbps ({WireNames<QualityChangeReason>.Of(quality.Reason)})",
        BitrateUpdate bitrate => $"{bitrate.Timestamp:HH:mm:ss.fff} {bitrate.CurrentBitrateKbps} kbps, {WireNames<StreamHealth>.Of(bitrate.Health)}",
        ErrorMessage error => $"{error.Timestamp:HH:mm:ss.fff} {error.ErrorCode} ({WireNames<ErrorSeverity>.Of(error.Severity)}): {error.Message}. {error.SuggestedAction}",
        _ => $"{message.Name} {message.Data}",
    };
}
