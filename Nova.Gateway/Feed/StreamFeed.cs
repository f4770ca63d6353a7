using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Nova.Gateway.Fanout;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>
/// Brings one stream's events from Redis to its room, in version order, each once. Pub/sub may lose, repeat or reorder: a version already
/// told is dropped, a version skipped means reading the snapshot and telling what was missed.
/// </summary>
internal sealed class StreamFeed : IAsyncDisposable
{
    /// <summary>Beyond this the oldest message goes and the gap is repaired from the snapshot; memory stays bounded whatever Redis sends.</summary>
    private const int Capacity = 4096;

    private readonly GatewayMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<FeedItem> _items;
    private readonly GapRepair _repair;
    private readonly Task _loop;
    private ChannelMessageQueue? _subscription;

    public StreamFeed(
        StreamRoom room, Channel<FeedItem> items, ChannelMessageQueue? subscription, SnapshotClient snapshots, GatewayMetrics metrics,
        TimeProvider time, ILogger logger)
    {
        Room = room;
        _items = items;
        _subscription = subscription;
        _repair = new GapRepair(room.StreamId, snapshots, items.Writer, metrics, time, logger);
        _metrics = metrics;
        _time = time;
        _logger = logger;
        metrics.RoomOpened();
        _loop = RunAsync();
    }

    public StreamRoom Room { get; }

    public static Channel<FeedItem> CreateQueue(GatewayMetrics metrics) => Channel.CreateBounded<FeedItem>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
        _ => metrics.FeedIgnored("overflow"));

    /// <summary>After Redis was away: subscribes if that was not possible before, and tells viewers what they missed.</summary>
    public async Task RestoreAsync(EventChannels channels)
    {
        if (Room.Status != StreamStatus.Ended)
        {
            _subscription ??= await channels.TrySubscribeAsync(Room.StreamId, _items.Writer);
            Resync("reconnect");
        }
    }

    /// <summary>Reads the snapshot again; with a version, only if the room has not come to it by itself when its turn comes.</summary>
    public void Resync(string cause, long atLeastVersion = 0) => _items.Writer.TryWrite(new FeedItem(default, cause, atLeastVersion));

    public bool IsSubscribed => _subscription is not null;

    /// <summary>Tells a new count, from the channel or, where that did not bring it, from a report's answer.</summary>
    public void TellCount(ViewerCountEvent count)
    {
        if (Room.Apply(count) is { } viewers)
        {
            FanOut(viewers, PreparedFrame.Of(Room.StreamId, count));
        }
    }

    /// <summary>Tells every viewer the same thing.</summary>
    public void Tell(PreparedFrame frame) => FanOut(Room.Viewers, frame);

    public async ValueTask DisposeAsync()
    {
        if (_subscription is not null)
        {
            await EventChannels.TryUnsubscribeAsync(_subscription);
        }

        _items.Writer.TryComplete();
        await _repair.DisposeAsync();
        await _loop;
        _metrics.RoomClosed();
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        await foreach (var item in _items.Reader.ReadAllAsync())
        {
            try
            {
                if (item.IsSnapshot)
                {
                    CatchUp(item.Snapshot);
                }
                else if (item.ResyncCause is not { } cause)
                {
                    Handle(item.Message);
                }
                else if (item.AtLeastVersion == 0 || Room.Version < item.AtLeastVersion)
                {
                    _repair.Request(cause, item.AtLeastVersion, missed: null);
                }
            }
            catch (JsonException)
            {
                _metrics.FeedIgnored("garbage"); // An envelope whose data is not the event's; the version it claims stays open.
            }
            catch (Exception exception)
            {
                _logger.RoomFailed(exception, Room.StreamId);
            }
        }
    }

    private static bool IsStateEvent(string name) =>
        name is EventNames.StreamStarted or EventNames.StreamEnded or EventNames.QualityChanged or EventNames.Error;

    private void Handle(ReadOnlyMemory<byte> message)
    {
        if (ViewerCountEvent.TryDecode(message.Span, out var count))
        {
            TellCount(count);
        }
        else if (!StreamEvent.TryDecode(message, out var streamEvent) || (streamEvent!.Version > 0 && !IsStateEvent(streamEvent.EventName)))
        {
            _metrics.FeedIgnored("garbage");
        }
        else if (streamEvent.Version == 0)
        {
            HandleUnversioned(streamEvent);
        }
        else if (streamEvent.Version <= Room.Version)
        {
            _metrics.FeedIgnored("repeat");
        }
        else if (streamEvent.Version > Room.Version + 1)
        {
            _repair.Request("gap", streamEvent.Version, streamEvent);
        }
        else
        {
            Publish(streamEvent);
        }
    }

    private void HandleUnversioned(StreamEvent streamEvent)
    {
        switch (streamEvent.EventName)
        {
            case EventNames.BitrateUpdate:
                var update = PreparedFrame.Of(streamEvent);
                StateChange.DataOf(update, ProtocolJson.Default.BitrateUpdate); // Throws on data that is none.
                FanOut(Room.Viewers, update);
                break;
            case EventNames.ViewerRemoved:
                var removed = StateChange.DataOf(PreparedFrame.Of(streamEvent), ProtocolJson.Default.ViewerRemoved).ViewerId;
                foreach (var viewer in Room.Viewers.Where(viewer => viewer.ViewerId == removed))
                {
                    viewer.Send(PreparedFrame.Of(new ErrorMessage(
                        ErrorCodes.Unauthorized, "You may no longer watch this stream", ErrorSeverity.Critical, false, "Watch another stream",
                        _time.GetUtcNow())));
                    viewer.Close(CloseCode.NoLongerAuthorized, "no longer authorized");
                }

                break;
            default:
                _metrics.FeedIgnored("garbage");
                break;
        }
    }

    private void Publish(StreamEvent streamEvent)
    {
        using var activity = GatewayMetrics.Activities.StartActivity(
            $"fan out {streamEvent.EventName}", ActivityKind.Consumer,
            ActivityContext.TryParse(streamEvent.TraceParent, null, out var parent) ? parent : default);
        var frame = PreparedFrame.Of(streamEvent);
        var viewers = Room.Apply(streamEvent.Version, frame);
        activity?.SetTag("nova.viewers", viewers.Length);
        FanOut(viewers, frame);
        _metrics.FannedOut(streamEvent.EventName, _time.GetUtcNow() - streamEvent.PublishedAt);
    }

    /// <summary>Tells what was missed, now that the snapshot is here.</summary>
    private void CatchUp(StreamSnapshot? snapshot)
    {
        if (snapshot is null)
        {
            foreach (var viewer in Room.Viewers)
            {
                viewer.Send(PreparedFrame.Of(new ErrorMessage(
                    ErrorCodes.StreamNotFound, "The stream no longer exists", ErrorSeverity.Critical, false, "Watch another stream", _time.GetUtcNow())));
                viewer.Close(CloseCode.Normal, "stream no longer exists");
            }

            return;
        }

        var missed = _repair.Settle(snapshot);
        var (viewers, news) = Room.Advance(snapshot);
        foreach (var frame in news)
        {
            FanOut(viewers, frame);
        }

        if (missed is not null)
        {
            FanOut(viewers, PreparedFrame.Of(missed));
        }
    }

    private static void FanOut(ImmutableArray<ViewerConnection> viewers, PreparedFrame frame)
    {
        foreach (var viewer in viewers)
        {
            viewer.Send(frame);
        }

        if (frame.EventName == EventNames.StreamEnded)
        {
            foreach (var viewer in viewers)
            {
                viewer.Close(CloseCode.Normal, "stream ended");
            }
        }
    }
}

/// <summary>What a feed works off, in order: a message from the channel, the wish to read the snapshot again, or the snapshot.</summary>
internal readonly record struct FeedItem(
    ReadOnlyMemory<byte> Message, string? ResyncCause = null, long AtLeastVersion = 0, bool IsSnapshot = false, StreamSnapshot? Snapshot = null);
