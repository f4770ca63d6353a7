using System.Text.Json;
using Nova.Gateway.Frames;
using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.Gateway.Fanout;

/// <summary>What an event on the channel changes in what a gateway knows of its stream.</summary>
internal static class StateChange
{
    public static StreamSnapshot Apply(StreamSnapshot state, PreparedFrame frame)
    {
        switch (frame.EventName)
        {
            case EventNames.StreamStarted:
                var started = DataOf(frame, ProtocolJson.Default.StreamStarted);
                return state with
                {
                    Status = StreamStatus.Active,
                    Quality = started.Quality,
                    BitrateKbps = started.BitrateKbps,
                    Fps = started.Fps,
                    StartedAt = started.Timestamp,
                };
            case EventNames.QualityChanged:
                var changed = DataOf(frame, ProtocolJson.Default.QualityChanged);
                return state with { Quality = changed.NewQuality, BitrateKbps = changed.NewBitrateKbps, Fps = changed.Fps };
            case EventNames.StreamUpdated:
                var updated = DataOf(frame, ProtocolJson.Default.StreamUpdated);
                return state with
                {
                    BroadcasterName = updated.BroadcasterName ?? state.BroadcasterName,
                    Visibility = updated.Visibility ?? state.Visibility,
                };
            case EventNames.StreamEnded:
                var ended = DataOf(frame, ProtocolJson.Default.StreamEnded);
                return state with
                {
                    Status = StreamStatus.Ended,
                    DurationSeconds = ended.DurationSeconds,
                    PeakViewers = ended.PeakViewers,
                    ViewerCount = ended.FinalViewerCount,
                };
            default:
                return state;
        }
    }

    /// <summary>An error that late joiners get: it holds until a milder one replaces it (S15).</summary>
    public static bool IsLasting(PreparedFrame error) =>
        DataOf(error, ProtocolJson.Default.ErrorMessage).Severity is ErrorSeverity.Error or ErrorSeverity.Critical;

    /// <summary>Two updates as one, for those who heard of neither.</summary>
    public static PreparedFrame Merge(PreparedFrame older, PreparedFrame newer) =>
        PreparedFrame.Of(DataOf(newer, ProtocolJson.Default.StreamUpdated).After(DataOf(older, ProtocolJson.Default.StreamUpdated)));

    /// <summary>Reads the event's data from where the envelope has it, which <see cref="StreamEvent.TryDecode"/> has made sure of.</summary>
    /// <exception cref="JsonException">It is not this event's data.</exception>
    public static T DataOf<T>(PreparedFrame frame, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        const int TokensBefore = 4; // { "event" : "…" "data" :
        var reader = new Utf8JsonReader(frame.Payload.Span);
        for (var token = 0; token <= TokensBefore; token++)
        {
            reader.Read();
        }

        return JsonSerializer.Deserialize(ref reader, type)!;
    }
}
