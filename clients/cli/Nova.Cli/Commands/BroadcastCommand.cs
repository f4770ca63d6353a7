using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Nova.Cli.Scripts;
using Nova.Client;
using Nova.Protocol;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary><c>nova broadcast --script FILE</c>: plays a scripted or recorded broadcast, for demos and for testing one's client.</summary>
internal static class BroadcastCommand
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var file = new Option<FileInfo>("--script") { Description = "YAML, or what nova watch --json printed", Required = true };
        var speed = new Option<double>("--speed") { Description = "So many times as fast", DefaultValueFactory = _ => 1, CustomParser = ReadSpeed };
        var command = new Command("broadcast", "Play a broadcast from a script, and end it.") { file, speed };
        command.Runs(async context =>
        {
            var script = BroadcastScript.Read(context.Arguments.GetValue(file)!.FullName);
            using var publisher = context.Publisher();
            var stream = await publisher.CreateAsync(script.Stream, context.Stop);
            await publisher.StartAsync(stream.StreamId, script.Start, cancellationToken: context.Stop);
            context.Screen.Write(new { stream.StreamId }, $"{stream.StreamId} is live: nova watch {stream.StreamId}");
            await PlayAsync(publisher, stream.StreamId, script, context.Arguments.GetValue(speed), context);
            return context.Stop.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Ok;
        });
        return command;
    }

    private static double ReadSpeed(ArgumentResult result)
    {
        if (double.TryParse(result.Tokens[0].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var speed) && speed is > 0 and <= 1000)
        {
            return speed;
        }

        result.AddError($"--speed must be more than 0 and at most 1000, but is '{result.Tokens[0].Value}'.");
        return 1;
    }

    private static async Task PlayAsync(NovaPublisher publisher, Guid streamId, BroadcastScript script, double speed, CommandContext context)
    {
        using var playing = CancellationTokenSource.CreateLinkedTokenSource(context.Stop);
        var living = HeartbeatAsync(publisher, streamId, playing.Token);
        var hasEnded = false;
        try
        {
            var started = DateTimeOffset.UtcNow;
            foreach (var step in script.Steps)
            {
                var wait = started + (step.At / speed) - DateTimeOffset.UtcNow;
                await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, context.Stop);
                await step.Call(publisher, streamId, context.Stop);
                context.Screen.Write(new { at = step.At, step.What }, $"[grey]{step.At:mm\\:ss}[/] {step.What.EscapeMarkup()}");
                hasEnded |= step.IsEnd;
                if (hasEnded)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (context.Stop.IsCancellationRequested)
        {
            // Ended below, so that no viewer waits for it.
        }
        finally
        {
            await playing.CancelAsync();
            await living.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!hasEnded)
            {
                await ((Task)publisher.EndAsync(streamId, EndReason.BroadcasterEnded)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // What went wrong before says more.
            }
        }
    }

    /// <summary>Where this program is killed, Nova ends the stream by itself.</summary>
    private static async Task HeartbeatAsync(NovaPublisher publisher, Guid streamId, CancellationToken cancellationToken)
    {
        while (true)
        {
            await publisher.HeartbeatAsync(streamId, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The next one may come through.
            await Task.Delay(HeartbeatInterval, cancellationToken);
        }
    }
}
