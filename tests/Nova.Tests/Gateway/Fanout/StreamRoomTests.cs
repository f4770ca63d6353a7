using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Nova.Gateway;
using Nova.Gateway.Fanout;
using Nova.Gateway.Frames;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;

namespace Nova.Tests.Gateway.Fanout;

public sealed class StreamRoomTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddDays(20_000);

    private readonly Guid _stream = Guid.CreateVersion7();
    private readonly ServiceProvider _services = new ServiceCollection()
        .AddMetrics().AddLogging().AddSingleton(TimeProvider.System).AddSingleton<LoopGuards>().AddSingleton<GatewayMetrics>().BuildServiceProvider();

    /// <summary>Was: it took the room back. A snapshot is read beside the feed, and an ended stream was active again until Redis broke the next time.</summary>
    [Fact]
    public void Advance_ToASnapshotThatTheFeedHasOvertaken_ChangesNothing()
    {
        var room = NewRoom(Snapshot(5, StreamStatus.Active));
        room.Apply(6, PreparedFrame.Of(new StreamEnded(_stream, 60, 3, 2, EndReason.BroadcasterEnded, Now)));
        room.Advance(Snapshot(5, StreamStatus.Active), []);
        Assert.Equal((6, StreamStatus.Ended), (room.Version, room.Status));
        Assert.Equal((StreamStatus.Ended, 2), (room.Describe("r").Status, room.Describe("r").ViewerCount));
    }

    [Fact]
    public void Advance_ToANewerSnapshot_TakesItsState()
    {
        var room = NewRoom(Snapshot(5, StreamStatus.Active));
        room.Advance(Snapshot(7, StreamStatus.Active) with { Quality = StreamQuality.P720, BitrateKbps = 3000 }, []);
        var info = room.Describe("r");
        Assert.Equal((7, StreamQuality.P720, 3000), (room.Version, info.Quality, info.BitrateKbps));
    }

    /// <summary>A kick in an old snapshot still holds: it is no state that later events replace.</summary>
    [Fact]
    public void Advance_ToAnOlderSnapshot_TakesItsKicks()
    {
        var viewer = Guid.NewGuid();
        var room = NewRoom(Snapshot(5, StreamStatus.Active));
        room.Advance(Snapshot(4, StreamStatus.Active) with { Kicks = [new(viewer, DateTimeOffset.UtcNow.AddMinutes(1))] }, []);
        Assert.True(room.IsKicked(viewer));
        Assert.Equal(5, room.Version);
    }

    public void Dispose() => _services.Dispose();

    private StreamRoom NewRoom(StreamSnapshot snapshot) =>
        new(snapshot, _services.GetRequiredService<GatewayMetrics>(), _services.GetRequiredService<LoopGuards>()["test"], TimeProvider.System);

    private StreamSnapshot Snapshot(long version, StreamStatus status) => new(
        _stream, version, status, StreamVisibility.Public, "b", "B", StreamQuality.P1080, 5000, 60, Now, 0, 3, 3,
        [new SnapshotEvent(2, EventNames.StreamStarted, JsonElement.Parse(System.Text.Encoding.UTF8.GetString(
            ProtocolJson.Encode(new StreamStarted(_stream, "b", "t", "", StreamQuality.P1080, 60, 5000, Now)))))],
        []);
}
