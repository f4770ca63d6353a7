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
    private readonly List<(StreamEvent Event, Activity? Activity)> _published = [];
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

    public static Channel<FeedItem> CreateQueue(GatewayMetrics metrics)
    {
        Channel<FeedItem>? queue = null;
        queue = Channel.CreateBounded<FeedItem>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true, AllowSynchronousContinuations = true },
            dropped =>
            {
                if (dropped is FeedItem.Message)
                {
                    metrics.FeedIgnored("overflow");
                }
                else
                {
                    queue!.Writer.TryWrite(dropped); // Our own: a repair whose snapshot got lost would wait for it forever.
                }
            });
        return queue;
    }

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
    public void Resync(string cause, long atLeastVersion = 0) => _items.Writer.TryWrite(new FeedItem.Resync(cause, atLeastVersion));

    public bool IsSubscribed => _subscription is not null;

    /// <summary>Tells a count that a report's answer brought and the channel did not.</summary>
    /// <param name="only">Who is to hear it; null for everybody.</param>
    public void TellCount(ViewerCountEvent count, IReadOnlyCollection<ViewerConnection>? only = null) =>
        _items.Writer.TryWrite(new FeedItem.Count(count, only));

    /// <summary>Tells every viewer the same thing.</summary>
    public void Tell(PreparedFrame frame) => _items.Writer.TryWrite(new FeedItem.Notice(frame));

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
        while (await _items.Reader.WaitToReadAsync())
        {
            if (_items.Reader.TryPeek(out var first) && first is not FeedItem.Message)
            {
                await Task.Yield(); // Whoever brought it has other things to do; a message's bringer does nothing but wait for the next one.
            }

            while (!Room.IsFull && _items.Reader.TryRead(out var item))
            {
                if (item is FeedItem.Count { Only: not null })
                {
                    await FlushAsync(); // It goes to some viewers directly, and must not overtake what all get.
                }

                try
                {
                    Handle(item);
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

            await FlushAsync();
            if (_items.Reader.TryPeek(out _))
            {
                await Task.Yield(); // A stream that never stops must not keep a thread from the others.
            }
        }
    }

    private void Handle(FeedItem item)
    {
        switch (item)
        {
            case FeedItem.Message message:
                Handle(message.Bytes);
                break;
            case FeedItem.Snapshot snapshot:
                CatchUp(snapshot.State);
                break;
            case FeedItem.Resync(var cause, var atLeastVersion):
                if (atLeastVersion == 0 || Room.Version < atLeastVersion)
                {
                    _repair.Request(cause, atLeastVersion, missed: null);
                }

                break;
            case FeedItem.Count { Only: { } viewers, Value: var count }:
                var frame = PreparedFrame.Of(Room.StreamId, count);
                foreach (var viewer in viewers)
                {
                    viewer.Send(frame);
                }

                break;
            case FeedItem.Count count:
                Room.Apply(count.Value);
                break;
            case FeedItem.Notice notice:
                Room.Tell(notice.Frame);
                break;
        }
    }

    /// <summary>Sends what was applied since the last time, and closes the books on it.</summary>
    private async ValueTask FlushAsync()
    {
        await Room.FlushAsync();
        foreach (var (streamEvent, activity) in _published)
        {
            activity?.Dispose();
            _metrics.FannedOut(streamEvent.EventName, _time.GetUtcNow() - streamEvent.PublishedAt);
        }

        _published.Clear();
    }

    private static bool IsStateEvent(string name) =>
        name is EventNames.StreamStarted or EventNames.StreamEnded or EventNames.QualityChanged or EventNames.Error or EventNames.ViewerRemoved;

    private void Handle(ReadOnlyMemory<byte> message)
    {
        if (ViewerCountEvent.TryDecode(message.Span, out var count))
        {
            Room.Apply(count);
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
        if (streamEvent.EventName != EventNames.BitrateUpdate)
        {
            _metrics.FeedIgnored("garbage");
            return;
        }

        var update = PreparedFrame.Of(streamEvent);
        StateChange.DataOf(update, ProtocolJson.Default.BitrateUpdate); // Throws on data that is none.
        Room.Tell(update);
    }

    private void Publish(StreamEvent streamEvent)
    {
        if (streamEvent.EventName == EventNames.ViewerRemoved)
        {
            Room.Apply(streamEvent.Version, StateChange.DataOf(PreparedFrame.Of(streamEvent), ProtocolJson.Default.ViewerRemoved));
            return;
        }

        var activity = GatewayMetrics.Activities.StartActivity(
            $"fan out {streamEvent.EventName}", ActivityKind.Consumer,
            ActivityContext.TryParse(streamEvent.TraceParent, null, out var parent) ? parent : default);
        activity?.SetTag("nova.viewers", Room.LocalViewers);
        Activity.Current = null; // It is open until the flush, and no parent of what comes next.
        _published.Add((streamEvent, activity));
        Room.Apply(streamEvent.Version, PreparedFrame.Of(streamEvent));
    }

    /// <summary>Tells what was missed, now that the snapshot is here.</summary>
    private void CatchUp(StreamSnapshot? snapshot)
    {
        if (snapshot is null)
        {
            Room.End(
                PreparedFrame.Of(new ErrorMessage(
                    ErrorCodes.StreamNotFound, "The stream no longer exists", ErrorSeverity.Critical, false, "Watch another stream", _time.GetUtcNow())),
                "stream no longer exists");
            return;
        }

        var missed = _repair.Settle(snapshot);
        Room.Advance(snapshot);
        if (missed is not null && missed.EventName != EventNames.ViewerRemoved)
        {
            Room.Tell(PreparedFrame.Of(missed));
        }
    }
}
