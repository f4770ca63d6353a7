using System.CommandLine;
using Nova.Cli.Output;
using Nova.Cli.Profiles;
using Nova.Client;
using Nova.Protocol;

namespace Nova.Cli.Commands;

/// <summary><c>nova trigger</c>: one event of a kind, with values that make sense, so that one sees what one's page does with it.</summary>
internal static class TriggerCommand
{
    private static readonly Dictionary<string, Func<NovaPublisher, StreamResource, CommandContext, Task>> Events = new()
    {
        [EventNames.StreamStarted] = static (publisher, stream, context) => publisher.StartAsync(stream.StreamId, new StartStream(StreamQuality.P1080, 60, 5000), cancellationToken: context.Stop),
        [EventNames.StreamUpdated] = static (publisher, stream, context) => publisher.UpdateAsync(stream.StreamId, new UpdateStream($"Changed at {DateTime.Now:HH:mm:ss}"), cancellationToken: context.Stop),
        [EventNames.QualityChanged] = static (publisher, stream, context) => publisher.ChangeQualityAsync(stream.StreamId, OtherThan(stream.Quality), cancellationToken: context.Stop),
        [EventNames.BitrateUpdate] = static (publisher, stream, context) =>
            publisher.ReportBitrateAsync(stream.StreamId, Math.Max(1, stream.MaxBitrateKbps) * Random.Shared.Next(30, 100) / 100, context.Stop),
        [EventNames.Error] = static (publisher, stream, context) => publisher.PublishErrorAsync(
            stream.StreamId, new PublishError(ErrorCodes.BufferOverflow, "The ingest buffer overflowed", ErrorSeverity.Warning, true, "None, playback goes on"), cancellationToken: context.Stop),
        [ErrorCodes.RtmpConnectionLost] = static (publisher, stream, context) => publisher.PublishErrorAsync(
            stream.StreamId,
            new PublishError(ErrorCodes.RtmpConnectionLost, "RTMP broadcaster connection lost", ErrorSeverity.Critical, false, "Refresh page or try again later"),
            cancellationToken: context.Stop),
        [ErrorCodes.RtmpConnectionRestored] = static (publisher, stream, context) =>
            publisher.ReportBitrateAsync(stream.StreamId, stream.BitrateKbps, context.Stop), // A heartbeat would promise more of them.
        [EventNames.ViewerCountChanged] = static (_, stream, context) => JoinAsync(stream, context),
        [EventNames.StreamEnded] = static (publisher, stream, context) => publisher.EndAsync(stream.StreamId, cancellationToken: context.Stop),
    };

    public static Command Create()
    {
        var name = new Argument<string>("event") { HelpName = "event", Description = string.Join(", ", Events.Keys) }.AcceptOnlyFromAmong([.. Events.Keys]);
        var stream = new Option<Guid?>("--stream") { Description = "The stream; a new one by default, live but for stream_started", CustomParser = result => Shared.ReadId(result, "--stream") };
        var command = new Command("trigger", "Send one event of a kind to a stream of your own.") { name, stream };
        command.Runs(async context =>
        {
            var kind = context.Arguments.GetValue(name)!;
            var known = context.Arguments.GetValue(stream);
            using var publisher = context.Publisher(known is null ? "broadcaster" : "operator");
            var target = known is { } id ? await publisher.GetAsync(id, context.Stop) : await NewAsync(publisher, isLive: kind != EventNames.StreamStarted, context.Stop);
            await Events[kind](publisher, target, context);
            Screen.WriteLine(context.Screen.IsJson ? Screen.ToJson(new { @event = kind, target.StreamId }) : $"{target.StreamId}"); // For stream=$(nova trigger stream_started).
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<StreamResource> NewAsync(NovaPublisher publisher, bool isLive, CancellationToken cancellationToken)
    {
        var stream = await publisher.CreateAsync(new CreateStream("A triggered event"), cancellationToken);
        return isLive ? await publisher.StartAsync(stream.StreamId, new StartStream(StreamQuality.P1080, 60, 5000), cancellationToken: cancellationToken) : stream;
    }

    private static ChangeQuality OtherThan(StreamQuality quality) => quality == StreamQuality.P720
        ? new(StreamQuality.P1080, 5000, QualityChangeReason.AdaptiveBitrate)
        : new(StreamQuality.P720, 3000, QualityChangeReason.NetworkCongestion);

    /// <summary>One viewer comes, and goes.</summary>
    private static async Task JoinAsync(StreamResource stream, CommandContext context)
    {
        var options = context.Profile.ClientOptions("viewer");
        options.Token = async stop => await context.Profile.TokenAsync(new TokenClaims($"nova-trigger-{Guid.NewGuid():N}", "viewer", [stream.StreamId]), stop);
        await using var viewer = new NovaViewer(stream.StreamId, options);
        await viewer.GetStreamInfoAsync(context.Stop);
        await Task.Delay(TimeSpan.FromMilliseconds(500), context.Stop); // Longer than Nova gathers joins and leaves, or they cancel each other out.
    }
}
