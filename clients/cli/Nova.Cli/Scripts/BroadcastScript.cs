using System.Text.Json;
using Nova.Cli.Commands;
using Nova.Client;
using Nova.Protocol;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Nova.Cli.Scripts;

/// <summary>What is broadcast, and when: written in YAML, or recorded by <c>nova watch --json</c>.</summary>
internal sealed record BroadcastScript(CreateStream Stream, StartStream Start, IReadOnlyList<BroadcastStep> Steps)
{
    /// <exception cref="UsageException">The file cannot be read; the message names the line or the step.</exception>
    public static BroadcastScript Read(string file)
    {
        try
        {
            var text = File.ReadAllText(file);
            return text.TrimStart().StartsWith('{') ? ReadRecording(text) : ReadYaml(text);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read: {exception.Message}");
        }
        catch (YamlException exception)
        {
            throw new UsageException($"{file}, line {exception.Start.Line}: {exception.InnerException?.Message ?? exception.Message}");
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new UsageException($"{file}: {exception.Message}");
        }
    }

    private static BroadcastScript ReadYaml(string text)
    {
        var script = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build().Deserialize<ScriptText>(text) ?? new ScriptText();
        return new BroadcastScript(
            new CreateStream(script.Title ?? throw new FormatException("title is missing."), script.Description, script.BroadcasterName),
            new StartStream(WireNames<StreamQuality>.Parse(script.Quality), script.Fps, script.BitrateKbps, script.MaxBitrateKbps),
            [.. script.Steps.Select((step, index) => BroadcastStep.Of(step ?? throw new FormatException($"Step {index + 1} is empty."), index + 1)).OrderBy(step => step.At)]);
    }

    /// <summary>Its times count from the start; what a publisher cannot do, such as counts, is left out.</summary>
    private static BroadcastScript ReadRecording(string text)
    {
        StreamStarted? started = null;
        List<BroadcastStep> steps = [];
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var message = JsonElement.Parse(line);
            var data = message.GetProperty("data");
            if (message.GetProperty("event").GetString() == EventNames.StreamStarted)
            {
                started ??= data.Deserialize(ProtocolJson.Default.StreamStarted);
            }
            else if (started is not null && BroadcastStep.Of(message.GetProperty("event").GetString()!, data, started.Timestamp) is { } step)
            {
                steps.Add(step);
            }
        }

        return started is null ? throw new FormatException("There is no stream_started in it: record a live broadcast with nova watch --json.")
            : new(new CreateStream(started.Title, started.Description), new StartStream(started.Quality, started.Fps, started.BitrateKbps), [.. steps.DistinctBy(step => (step.At, step.What)).OrderBy(step => step.At)]); // A watcher that came back was told again.
    }
}

/// <summary>One call of the publisher.</summary>
/// <param name="At">Since the start.</param>
/// <param name="What">For people.</param>
internal sealed record BroadcastStep(TimeSpan At, string What, Func<NovaPublisher, Guid, CancellationToken, Task> Call, bool IsEnd = false)
{
    public static BroadcastStep Of(StepText step, int number)
    {
        if (!Shared.TryReadDuration(step.At ?? "", out var at))
        {
            throw new FormatException($"Step {number}: at must be a time since the start, such as 5s or 2m.");
        }

        try
        {
            return step switch
            {
                { Quality: { } quality } => Quality(at, new ChangeQuality(
                    WireNames<StreamQuality>.Parse(quality), step.BitrateKbps ?? throw new FormatException("bitrate_kbps is missing."),
                    WireNames<QualityChangeReason>.Parse(step.Reason ?? "broadcaster_changed"), step.Fps)),
                { Bitrate: { } kbps } => new(at, $"bitrate {kbps} kbps", (publisher, id, stop) => publisher.ReportBitrateAsync(id, kbps, stop)),
                { Error: { } error } => Error(at, new PublishError(
                    error.Code ?? throw new FormatException("error.code is missing."), error.Message, WireNames<ErrorSeverity>.Parse(error.Severity), error.Recoverable, error.Action)),
                { Title: { } title } => new(at, $"title {title}", (publisher, id, stop) => publisher.UpdateAsync(id, new UpdateStream(title), null, stop)),
                { End: { } reason } => End(at, WireNames<EndReason>.Parse(reason)),
                _ => throw new FormatException("it has none of quality, bitrate, error, title, end."),
            };
        }
        catch (FormatException exception)
        {
            throw new FormatException($"Step {number}: {exception.Message}");
        }
    }

    public static BroadcastStep? Of(string name, JsonElement data, DateTimeOffset start)
    {
        var at = data.TryGetProperty("timestamp", out var time) ? time.GetDateTimeOffset() - start : TimeSpan.Zero;
        return name switch
        {
            EventNames.QualityChanged when data.Deserialize(ProtocolJson.Default.QualityChanged) is { } quality =>
                Quality(at, new ChangeQuality(quality.NewQuality, quality.NewBitrateKbps, quality.Reason, quality.Fps)),
            EventNames.BitrateUpdate when data.Deserialize(ProtocolJson.Default.BitrateUpdate) is { } bitrate =>
                new(at, $"bitrate {bitrate.CurrentBitrateKbps} kbps", (publisher, id, stop) => publisher.ReportBitrateAsync(id, bitrate.CurrentBitrateKbps, stop)),
            EventNames.Error when data.Deserialize(ProtocolJson.Default.ErrorMessage) is { } error && !ViewerState.IsOfConnection(error.ErrorCode) =>
                Error(at, new PublishError(error.ErrorCode, error.Message, error.Severity, error.Recoverable, error.SuggestedAction)),
            EventNames.StreamUpdated when data.Deserialize(ProtocolJson.Default.StreamUpdated) is { } updated => new(
                at, $"update {updated.Title}", (publisher, id, stop) => publisher.UpdateAsync(id, new UpdateStream(updated.Title, updated.Description, updated.BroadcasterName), null, stop)),
            EventNames.StreamEnded when data.Deserialize(ProtocolJson.Default.StreamEnded) is { } ended => End(at, ended.Reason),
            _ => null,
        };
    }

    private static BroadcastStep Quality(TimeSpan at, ChangeQuality change) =>
        new(at, $"quality {WireNames<StreamQuality>.Of(change.NewQuality)} at {change.NewBitrateKbps} kbps", (publisher, id, stop) => publisher.ChangeQualityAsync(id, change, null, stop));

    private static BroadcastStep Error(TimeSpan at, PublishError error) =>
        new(at, $"error {error.ErrorCode}", (publisher, id, stop) => publisher.PublishErrorAsync(id, error, null, stop));

    private static BroadcastStep End(TimeSpan at, EndReason reason) =>
        new(at, $"end ({WireNames<EndReason>.Of(reason)})", (publisher, id, stop) => publisher.EndAsync(id, reason, null, stop), IsEnd: true);
}

internal sealed class ScriptText
{
    public string? Title { get; set; }

    public string? Description { get; set; }

    public string? BroadcasterName { get; set; }

    public string Quality { get; set; } = "1080p";

    public int Fps { get; set; } = 60;

    public int BitrateKbps { get; set; } = 5000;

    public int? MaxBitrateKbps { get; set; }

    public List<StepText?> Steps { get; set; } = [];
}

internal sealed class StepText
{
    public string? At { get; set; }

    public string? Quality { get; set; }

    public int? BitrateKbps { get; set; }

    public string? Reason { get; set; }

    public int? Fps { get; set; }

    public int? Bitrate { get; set; }

    public ErrorText? Error { get; set; }

    public string? Title { get; set; }

    public string? End { get; set; }
}

internal sealed class ErrorText
{
    public string? Code { get; set; }

    public string Message { get; set; } = "Something went wrong";

    public string Severity { get; set; } = "warning";

    public bool Recoverable { get; set; } = true;

    public string Action { get; set; } = "None";
}
