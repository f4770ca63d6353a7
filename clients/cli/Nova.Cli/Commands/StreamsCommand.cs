using System.CommandLine;
using Nova.Cli.Output;
using Nova.Client;
using Nova.Protocol;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary><c>nova streams</c>: what is on, newest first.</summary>
internal static class StreamsCommand
{
    public static Command Create()
    {
        var live = new Option<bool>("--live") { Description = "Only those that are on now" };
        var limit = new Option<int>("--limit") { Description = "At most so many", DefaultValueFactory = _ => 50 };
        var command = new Command("streams", "List streams, newest first.") { live, limit };
        command.Runs(async context =>
        {
            using var publisher = context.Publisher("operator");
            List<StreamResource> streams = [];
            await foreach (var stream in publisher.ListAsync(context.Arguments.GetValue(live) ? StreamStatus.Active : null, cancellationToken: context.Stop))
            {
                if (streams.Count == context.Arguments.GetValue(limit))
                {
                    break;
                }

                streams.Add(stream);
            }

            if (context.Screen.IsJson)
            {
                streams.ForEach(context.Screen.Json);
            }
            else if (streams.Count == 0)
            {
                context.Screen.Ansi.MarkupLine("There is no stream. Make one: nova create \"My first stream\"");
            }
            else
            {
                context.Screen.Table(
                    ["Stream", "Title", "Status", "Viewers", "Peak", "Quality", "Duration"],
                    streams.Select(stream => new[]
                    {
                        $"{stream.StreamId}", Words.Plain(stream.Title).EscapeMarkup(), Words.Of(stream.Status), $"{stream.ViewerCount}", $"{stream.PeakViewers}",
                        stream.Status == StreamStatus.Scheduled ? "" : $"{Words.Of(stream.Quality)} {stream.BitrateKbps} kbps", Words.Duration(stream.DurationSeconds),
                    }));
            }

            return ExitCodes.Ok;
        });
        return command;
    }
}
