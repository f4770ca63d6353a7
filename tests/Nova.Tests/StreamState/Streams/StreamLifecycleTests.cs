using Nova.Protocol;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;

namespace Nova.Tests.StreamState.Streams;

public sealed class StreamLifecycleTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly StartStream Start1080 = new(StreamQuality.P1080, 60, 5000, null);

    private static StreamRecord Scheduled => new()
    {
        StreamId = Guid.NewGuid(),
        Version = 1,
        BroadcasterId = "b",
        BroadcasterName = "B",
        Title = "t",
        Description = "",
        Visibility = StreamVisibility.Public,
        Status = StreamStatus.Scheduled,
        CreatedAt = Now,
        LastEventAt = Now,
    };

    private static StreamRecord Active => StreamLifecycle.Start(Scheduled, Start1080, 0, Now.AddSeconds(1))!.Stream;

    private static StreamRecord Ended => StreamLifecycle.End(Active, EndReason.Error, default, Now.AddSeconds(9))!.Stream;

    [Theory]
    [InlineData(StreamStatus.Scheduled, true, false, false, true)]
    [InlineData(StreamStatus.Active, false, true, true, true)]
    [InlineData(StreamStatus.Ended, false, false, false, false)]
    public void EveryChange_InEveryStatus_IsAllowedOrNot(StreamStatus status, bool start, bool quality, bool end, bool error)
    {
        var stream = status switch { StreamStatus.Scheduled => Scheduled, StreamStatus.Active => Active, _ => Ended };
        var later = Now.AddMinutes(1);
        Assert.Equal(start, StreamLifecycle.Start(stream, Start1080, 0, later) is not null);
        Assert.Equal(quality, StreamLifecycle.ChangeQuality(stream, new(StreamQuality.P720, 3000, null, QualityChangeReason.AdaptiveBitrate), later) is not null);
        Assert.Equal(end, StreamLifecycle.End(stream, EndReason.Error, default, later) is not null);
        Assert.Equal(error, StreamLifecycle.ReportError(stream, PublishError.ConnectionLost, later) is not null);
    }

    [Fact]
    public void Change_WithAClockThatWentBack_StillMovesTimeForward()
    {
        var active = Active;
        var changed = StreamLifecycle.ChangeQuality(active, new(StreamQuality.P720, 3000, null, QualityChangeReason.AdaptiveBitrate), Now.AddHours(-1))!;
        Assert.Equal(active.LastEventAt.AddMilliseconds(1), changed.Stream.LastEventAt);
    }

    [Fact]
    public void Start_WithViewersWhoWaited_BeginsThePeakWithThem()
    {
        var started = StreamLifecycle.Start(Scheduled with { PeakViewers = 9 }, Start1080, liveViewers: 3, Now)!;
        Assert.Equal(3, started.Stream.PeakViewers);
    }

    [Fact]
    public void End_WithLessInRedisThanWasPersisted_KeepsThePersistedPeak()
    {
        var ended = StreamLifecycle.End(Active with { PeakViewers = 40 }, EndReason.BroadcasterEnded, new PresenceTotals(2, 5), Now.AddSeconds(8.4))!.Stream;
        Assert.Equal((40, 2, 7), (ended.PeakViewers, ended.ViewerCount, ended.DurationSeconds(Now.AddDays(1))));
    }

    [Theory]
    [InlineData(5401, StreamHealth.Excellent)]
    [InlineData(5400, StreamHealth.Good)]
    [InlineData(4850, StreamHealth.Good)] // The document's own example.
    [InlineData(4200, StreamHealth.Good)]
    [InlineData(4199, StreamHealth.Fair)]
    [InlineData(3000, StreamHealth.Fair)]
    [InlineData(2999, StreamHealth.Poor)]
    [InlineData(0, StreamHealth.Poor)]
    public void Health_AtEveryBoundary_IsAsThePublishedTable(int kbps, StreamHealth expected) =>
        Assert.Equal(expected, BitrateUpdate.HealthOf(kbps, Active.EffectiveMaxBitrateKbps));

    [Fact]
    public void MaxBitrate_OfAuto_IsTheHighestRungSeen()
    {
        var auto = StreamLifecycle.Start(Scheduled, new(StreamQuality.Auto, 60, 2500, null), 0, Now)!.Stream;
        Assert.Equal(2500, auto.EffectiveMaxBitrateKbps);
        var was1080 = StreamLifecycle.ChangeQuality(auto, new(StreamQuality.P1080, 5000, null, QualityChangeReason.AdaptiveBitrate), Now)!.Stream;
        var again = StreamLifecycle.ChangeQuality(was1080, new(StreamQuality.Auto, 2500, null, QualityChangeReason.AdaptiveBitrate), Now)!.Stream;
        Assert.Equal(6000, again.EffectiveMaxBitrateKbps);
        Assert.Equal(8000, (again with { MaxBitrateKbps = 8000 }).EffectiveMaxBitrateKbps);
    }
}
