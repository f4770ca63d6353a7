using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Nova.Gateway.Fanout;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.Protocol.Live;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>
/// Brings one stream's events from Redis to its room, in version order, each once. Pub/sub may lose, repeat or reorder: a version that was
/// broadcast already is dropped, a version skipped means reading the snapshot and broadcasting what was missed.
/// </summary>
/// <remarks>Everything that changes the room's state or sends to its viewers does so in the feed's turn, one after the other.</remarks>
internal sealed class StreamFeed : IAsyncDisposable
{
    /// <summary>Messages that may wait. Beyond, the oldest are dropped and the gap is repaired from the snapshot; memory stays bounded whatever Redis sends.</summary>
    private const int Capacity = 4096;

    private readonly FeedDependencies _dependencies;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly GapRepair _repair;
    private readonly List<(StreamEvent Event, Activity? Activity)> _published = [];
    private readonly Task _loop;
    private ChannelMessageQueue? _messages;

    /// <param name="messages">The stream's channel; null for a stream that has ended.</param>
    public StreamFeed(StreamSnapshot snapshot, ChannelMessageQueue? messages, FeedDependencies dependencies)
    {
        _dependencies = dependencies;
        _messages = messages;
        Room = new StreamRoom(snapshot, dependencies.Metrics, dependencies.Guard, dependencies.Time);
        _repair = new GapRepair(snapshot.StreamId, CatchUpAsync, dependencies);
        dependencies.Metrics.RoomOpened();
        _loop = messages is null ? Task.CompletedTask : dependencies.Guard.RunAsync(ReceiveAsync, _stop.Token);
    }

    public StreamRoom Room { get; }

    /// <summary>StreamState does not know the stream any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>The node of the cluster that events come from, as last seen.</summary>
    public EndPoint? Endpoint { get; private set; }

    /// <summary>Whether events come from another node than the last time this was asked.</summary>
    public bool HasMoved()
    {
        if (_messages is not { } messages || _dependencies.Channels.EndpointOf(messages) is not { } endpoint || endpoint.Equals(Endpoint))
        {
            return false;
        }

        var hadOne = Endpoint is not null;
        Endpoint = endpoint;
        return hadOne;
    }

    /// <summary>Channels are of another kind now, since Redis turned out to be a cluster.</summary>
    public Task ResubscribeAsync() => TakeTurnAsync(() =>
    {
        SubscribeAnew();
        _repair.Request(ResyncCause.Reconnect);
    });

    /// <summary>Redis was unavailable: reads the snapshot again and broadcasts what was missed.</summary>
    public Task RestoreAsync() => TakeTurnAsync(() =>
    {
        if (Room.Status != StreamStatus.Ended)
        {
            _repair.Request(ResyncCause.Reconnect);
        }
    });

    /// <summary>
    /// Redis has had this version for a while and the channel did not bring it. Be it one message or a subscription that went deaf: the channel is
    /// subscribed to anew, and the snapshot says what was missed.
    /// </summary>
    public Task OnMissedAsync(long version) => TakeTurnAsync(() =>
    {
        if (Room.Version < version && Room.Status != StreamStatus.Ended)
        {
            SubscribeAnew();
            _repair.Request(ResyncCause.Missed);
        }
    });

    /// <summary>The same for a count: the report's answer brought it and the channel did not.</summary>
    public Task OnMissedAsync(ViewerCountEvent count) => TakeTurnAsync(() =>
    {
        SubscribeAnew();
        Room.Apply(count);
    });

    /// <summary>Sends a count to those who were counted without a broadcast.</summary>
    public Task SendAsync(ViewerCountEvent count, IReadOnlyCollection<ViewerConnection> viewers) => TakeTurnAsync(() =>
    {
        var frame = PreparedFrame.Of(Room.StreamId, count);
        foreach (var viewer in viewers)
        {
            viewer.Send(frame);
        }
    });

    /// <summary>Sends every viewer the same message, which changes no state.</summary>
    public Task BroadcastAsync(PreparedFrame frame) => TakeTurnAsync(() => Room.Broadcast(frame));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_messages is { } messages)
        {
            EventChannels.Unsubscribe(messages);
        }

        await _repair.DisposeAsync();
        await _loop;
        _stop.Dispose();
        _dependencies.Metrics.RoomClosed();
    }

    private async Task TakeTurnAsync(Action act)
    {
        await _turn.WaitAsync();
        try
        {
            act();
            await FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Takes what has come while the last pass over the viewers was under way, and sends it in one pass.</summary>
    private async Task ReceiveAsync(CancellationToken stop)
    {
        while (_messages is { } messages)
        {
            ChannelMessage message;
            try
            {
                message = await messages.ReadAsync(CancellationToken.None); // Ended by unsubscribing. With a token each wait would allocate.
            }
            catch (ChannelClosedException)
            {
                await WaitForSubscriptionAsync(messages, stop);
                continue;
            }

            await _turn.WaitAsync(CancellationToken.None);
            try
            {
                DropOverflow(messages);
                Handle(message);
                while (!Room.IsFull && messages.TryRead(out message))
                {
                    Handle(message);
                }

                await FlushAsync();
            }
            finally
            {
                _turn.Release();
            }

            if (messages.TryGetCount(out var waiting) && waiting > 0)
            {
                await Task.Yield(); // A stream that never stops must not keep a thread from the others.
            }
        }
    }

    /// <summary>The queue has ended: the channel was subscribed to anew, or everything stops.</summary>
    private async Task WaitForSubscriptionAsync(ChannelMessageQueue ended, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        var isReplaced = !ReferenceEquals(_messages, ended);
        _turn.Release();
        if (!isReplaced)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
    }

    private void SubscribeAnew()
    {
        if (_messages is { } deaf)
        {
            EventChannels.Unsubscribe(deaf); // First: the client would not ask Redis for a channel that it believes to have.
            _messages = _dependencies.Channels.Subscribe(Room.StreamId);
        }
    }

    private void DropOverflow(ChannelMessageQueue messages)
    {
        if (!messages.TryGetCount(out var waiting) || waiting <= Capacity)
        {
            return;
        }

        for (var excess = waiting - Capacity; excess > 0 && messages.TryRead(out _); excess--)
        {
            _dependencies.Metrics.FeedIgnored(FeedIgnored.Overflow);
        }
    }

    private void Handle(ChannelMessage message)
    {
        try
        {
            Handle((ReadOnlyMemory<byte>)message.Message);
        }
        catch (JsonException)
        {
            _dependencies.Metrics.FeedIgnored(FeedIgnored.Garbage); // An envelope whose data is not the event's; the version it claims stays open.
        }
        catch (Exception exception)
        {
            _dependencies.Guard.Report(exception);
        }
    }

    private void Handle(ReadOnlyMemory<byte> message)
    {
        if (ViewerCountEvent.TryDecode(message.Span, out var count))
        {
            Room.Apply(count);
        }
        else if (BitrateEvent.TryDecode(message.Span, out var bitrate))
        {
            Room.Broadcast(PreparedFrame.Of(bitrate.ToMessage(Room.StreamId)));
        }
        else if (message.Span is [RecountRequests.Message])
        {
            _dependencies.Recounts.Ask(this);
        }
        else if (message.Span is [ViewerListRequests.Message, ..])
        {
            _dependencies.ViewerLists.Ask(Room, message[1..]);
        }
        else if (!StreamEvent.TryDecode(message, out var streamEvent) || !IsForwarded(streamEvent!))
        {
            _dependencies.Metrics.FeedIgnored(FeedIgnored.Garbage);
        }
        else
        {
            HandleVersioned(streamEvent!);
        }
    }

    private static bool IsForwarded(StreamEvent streamEvent) =>
        streamEvent.EventName is EventNames.StreamStarted or EventNames.StreamEnded or EventNames.StreamUpdated or EventNames.QualityChanged or EventNames.Error
            or EventNames.ViewerKicked or EventNames.StreamDeleted;

    private void HandleVersioned(StreamEvent streamEvent)
    {
        if (streamEvent.Version <= Room.Version)
        {
            _dependencies.Metrics.FeedIgnored(FeedIgnored.Repeat);
        }
        else if (streamEvent.EventName == EventNames.StreamDeleted)
        {
            _repair.Request(ResyncCause.Gap); // StreamState does not know it any more.
        }
        else if (streamEvent.Version > Room.Version + 1)
        {
            _repair.Request(ResyncCause.Gap, streamEvent);
        }
        else
        {
            Publish(streamEvent);
        }
    }

    private void Publish(StreamEvent streamEvent)
    {
        if (streamEvent.EventName == EventNames.ViewerKicked)
        {
            Room.Apply(streamEvent.Version, StateChange.DataOf(PreparedFrame.Of(streamEvent), ProtocolJson.Default.ViewerKick));
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

    /// <summary>Sends what was applied since the last time, and closes the books on it.</summary>
    private async ValueTask FlushAsync()
    {
        await Room.FlushAsync();
        foreach (var (streamEvent, activity) in _published)
        {
            activity?.Dispose();
            _dependencies.Metrics.FannedOut(streamEvent.EventName, _dependencies.Time.GetUtcNow() - streamEvent.PublishedAt);
        }

        _published.Clear();
    }

    /// <summary>Broadcasts what was missed, now that the snapshot is here.</summary>
    private Task CatchUpAsync(StreamSnapshot? snapshot) => TakeTurnAsync(() =>
    {
        var (covered, later) = _repair.OnSnapshot(snapshot);
        if (snapshot is null)
        {
            IsGone = true;
            Room.End(PreparedFrame.Of(Notices.StreamGone(_dependencies.Time.GetUtcNow())), ViewerClose.StreamGone);
            return;
        }

        Room.Advance(snapshot, covered);
        foreach (var streamEvent in later)
        {
            HandleVersioned(streamEvent);
        }
    });
}
