using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Frames;
using Nova.Protocol;

namespace Nova.Tests.Gateway.Frames;

public sealed class BacklogTests
{
    private static readonly Guid Stream = Guid.NewGuid();

    private readonly FakeTimeProvider _time = new();
    private readonly Backlog _backlog;

    public BacklogTests()
    {
        _backlog = new Backlog(Stream, _time);
    }

    [Fact]
    public void Add_CountsThatWait_KeepTheNewestWithTheNetChange()
    {
        _backlog.Add(Count(total: 5, change: 2));
        _backlog.Add(Frame("stream_info"));
        _backlog.Add(Count(total: 4, change: -1));
        _backlog.Add(Count(total: 7, change: 3));

        Assert.Equal("stream_info", _backlog.Take()!.EventName);
        var merged = Data(_backlog.Take()!);
        Assert.Equal((7, 4), (merged.GetProperty("viewer_count").GetInt32(), merged.GetProperty("change").GetInt32()));
        Assert.Null(_backlog.Take());
    }

    [Fact]
    public void Add_CountAfterTheWaitingOneWasTaken_IsANewOne()
    {
        _backlog.Add(Count(total: 5, change: 2));
        _backlog.Take();
        Assert.Equal(BacklogEffect.None, _backlog.Add(Count(total: 6, change: 1)));
        Assert.Equal(1, Data(_backlog.Take()!).GetProperty("change").GetInt32());
    }

    [Fact]
    public void Add_BeyondAHundred_DropsTheOldestDroppableAndSaysSo()
    {
        _backlog.Add(Frame(EventNames.StreamStarted));
        for (var i = 0; i < 250; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _backlog.Add(Frame("stream_info", i));
        }

        Assert.Equal(Limits.Backlog, _backlog.Length);
        Assert.Equal(EventNames.StreamStarted, _backlog.Take()!.EventName); // It came before what was dropped.
        var notice = Data(_backlog.Take()!);
        Assert.Equal(ErrorCodes.MessagesDropped, notice.GetProperty("error_code").GetString());
        Assert.True(notice.GetProperty("recoverable").GetBoolean());
        Assert.Equal(151, notice.GetProperty("dropped_count").GetInt32());
        Assert.Equal(151, notice.GetProperty("dropped_by_event").GetProperty("stream_info").GetInt32());
        Assert.Equal(150, (notice.GetProperty("last_dropped_at").GetDateTimeOffset() - notice.GetProperty("first_dropped_at").GetDateTimeOffset()).TotalSeconds);

        Assert.Equal(151, Data(_backlog.Take()!).GetProperty("n").GetInt32());
    }

    /// <summary>Was: a viewer that stalled while it joined got quality_changed before stream_started.</summary>
    [Fact]
    public void Take_AfterAQualityWasDropped_SendsItAgainInItsPlace()
    {
        _backlog.Add(Frame(EventNames.StreamStarted));
        _backlog.Add(Frame(EventNames.QualityChanged, 1));
        _backlog.Add(Frame(EventNames.Error));
        for (var i = 0; i < Limits.Backlog - 2; i++)
        {
            _backlog.Add(Frame("stream_info", i));
        }

        Assert.Equal(
            [EventNames.StreamStarted, EventNames.Error, EventNames.QualityChanged, EventNames.Error, "stream_info"],
            Enumerable.Range(0, 5).Select(_ => _backlog.Take()!.EventName)); // The first error is the notice.
    }

    [Fact]
    public void Add_MoreEssentialsThanItHolds_DropsNoneAndSaysThatTheViewerIsBeyondHelp()
    {
        for (var i = 0; i < Limits.Backlog; i++)
        {
            Assert.Equal(BacklogEffect.None, _backlog.Add(Frame(EventNames.Error)));
        }

        Assert.Equal(BacklogEffect.Overflowed, _backlog.Add(Frame(EventNames.Error)));
    }

    [Fact]
    public void Take_AfterTheOnlyQualityWasDropped_SendsItAgainBehindTheNotice()
    {
        _backlog.Add(Frame(EventNames.QualityChanged, 1));
        for (var i = 0; i < Limits.Backlog; i++)
        {
            _backlog.Add(Frame("stream_info", i));
        }

        Assert.Equal(EventNames.Error, _backlog.Take()!.EventName);
        Assert.Equal(EventNames.QualityChanged, _backlog.Take()!.EventName);
        Assert.Equal("stream_info", _backlog.Take()!.EventName);
    }

    /// <summary>The ledger of S23: whatever a reader's luck, published = delivered + merged + dropped, and the newest count arrives.</summary>
    [Fact]
    public void AnyMixOfAddAndTake_AddsUp()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var backlog = new Backlog(Stream, _time);
            var (published, delivered, merged, dropped, net, total) = (0, 0, 0, 0, 0, 0);
            var countsDropped = false;
            for (var step = 0; step < 400; step++)
            {
                if (random.Next(100) < seed % 60)
                {
                    Deliver(backlog.Take());
                    continue;
                }

                published++;
                var kind = random.Next(3);
                var change = kind == 0 ? random.Next(-3, 4) : 0;
                total += change;
                merged += backlog.Add(kind switch
                {
                    0 => Count(total + 2000, change),
                    1 => Frame(EventNames.BitrateUpdate),
                    _ => Frame("stream_info"),
                }) == BacklogEffect.Conflated ? 1 : 0;
            }

            while (backlog.Take() is { } frame)
            {
                Deliver(frame);
            }

            Assert.Equal(published, delivered + merged + dropped);
            Assert.True(countsDropped || net == total, $"seed {seed}: net {net}, total {total}");

            void Deliver(PreparedFrame? frame)
            {
                if (frame is null)
                {
                    return;
                }

                if (frame.EventName == EventNames.Error)
                {
                    var notice = Data(frame);
                    dropped += notice.GetProperty("dropped_count").GetInt32();
                    countsDropped |= notice.GetProperty("dropped_by_event").TryGetProperty(EventNames.ViewerCountChanged, out _);
                    return;
                }

                delivered++;
                if (frame.Kind == FrameKind.Count)
                {
                    net += Data(frame).GetProperty("change").GetInt32();
                }
            }
        }
    }

    private static PreparedFrame Count(int total, int change) =>
        PreparedFrame.Of(Stream, new ViewerCountEvent(total, total, change, DateTimeOffset.UnixEpoch));

    private static PreparedFrame Frame(string name, int n = 0) => new(
        name, PreparedFrame.KindOf(name), JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["event"] = name, ["data"] = new { n } }));

    private static JsonElement Data(PreparedFrame frame) => JsonElement.Parse(frame.Payload.Span).GetProperty("data");
}
