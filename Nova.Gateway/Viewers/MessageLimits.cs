using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>What a viewer may send (S37). Generous enough for every use the protocol knows; beyond, messages are dropped unread, and in the end the connection is closed.</summary>
internal sealed class MessageLimits(TimeProvider time)
{
    /// <summary>A message costs one for every so many bytes begun: the greatest that is allowed costs 16.</summary>
    private const int BytesPerUnit = 16 * 1024;

    private static readonly Rate Messages = new(50, 150);
    private static readonly Rate ControlFrames = new(100, 1000);
    private static readonly Rate Pongs = new(5, 25);
    private static readonly Rate Infos = new(20, 100);
    private static readonly Rate Reports = new(10 / 60.0, 20);
    private static readonly Rate Refreshes = new(6 / 60.0, 6);
    private static readonly Rate Notices = new(1, 1);

    /// <summary>More dropped messages than this in <see cref="FloodWindow"/> are no accident.</summary>
    private const int FloodMessages = 500;

    private static readonly TimeSpan FloodWindow = TimeSpan.FromSeconds(10);

    private RateLimit _messages;
    private RateLimit _controlFrames;
    private RateLimit _pongs;
    private RateLimit _infos;
    private RateLimit _reports;
    private RateLimit _refreshes;
    private RateLimit _notices;
    private long _windowStart;
    private int _excess;

    /// <summary>RFC 6455's own ping or pong.</summary>
    public bool TryTakeControlFrame() => _controlFrames.TryTake(ControlFrames, time.GetTimestamp(), time);

    /// <summary>Before a message is looked at.</summary>
    public bool TryTake(int bytes) => _messages.TryTake(Messages, time.GetTimestamp(), time, 1 + (bytes / BytesPerUnit));

    /// <summary>Once it is known what it is.</summary>
    public bool TryTake(string eventName) => eventName switch
    {
        EventNames.Pong => _pongs.TryTake(Pongs, time.GetTimestamp(), time),
        EventNames.GetStreamInfo => _infos.TryTake(Infos, time.GetTimestamp(), time),
        EventNames.ReportIssue => _reports.TryTake(Reports, time.GetTimestamp(), time),
        EventNames.RefreshToken => _refreshes.TryTake(Refreshes, time.GetTimestamp(), time),
        _ => true,
    };

    /// <summary>One was dropped.</summary>
    /// <returns>What to do about it.</returns>
    public ExcessResponse Exceed()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_windowStart, now) > FloodWindow)
        {
            (_windowStart, _excess) = (now, 0);
        }

        return ++_excess > FloodMessages ? ExcessResponse.Close
            : _notices.TryTake(Notices, now, time) ? ExcessResponse.Notify
            : ExcessResponse.Drop;
    }
}

internal enum ExcessResponse
{
    Drop,

    /// <summary>At most once a second: a flood must not be answered by one.</summary>
    Notify,

    Close,
}
