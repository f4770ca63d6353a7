using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: viewers who fall behind (S23, S24).</summary>
public sealed class BackpressureSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S23_Notice_StandsInTheGap_AndIsFollowedByThePresentState()
    {
        const int Events = 1000;
        var stream = await Api.StartStreamAsync();
        await using var stalled = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync(), Ledger.ReceiveBuffer);
        await using var pace = await stream.WatchAsync();
        await using var flood = await Flood.OpenAsync(Nova.Stack, stream, pace);
        await flood.PublishAsync(Events / 2);
        await using var joining = await stream.WatchAsync(gateway: 1);
        await pace.WaitForCountAsync(3);
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4850}""");
        await pace.WaitForAsync(EventNames.BitrateUpdate);
        await flood.PublishAsync(Events / 2);

        var ledger = await Ledger.ReadAsync(stalled, Events);
        var notice = Assert.Single(ledger.Notices);
        Ask.AssertErrorShape(notice);
        Assert.Equal(("warning", true), (notice.Text("severity"), notice.IsRecoverable()));
        var dropped = notice.Data;
        Assert.True(dropped.GetProperty("first_dropped_at").GetDateTimeOffset() <= dropped.GetProperty("last_dropped_at").GetDateTimeOffset());
        Assert.Equal(notice.Number("dropped_count"), dropped.GetProperty("dropped_by_event").EnumerateObject().Sum(kind => kind.Value.GetInt32()));

        var before = ledger.Frames.TakeWhile(frame => frame != notice).Last(IsChange).Number("new_bitrate_kbps");
        var after = ledger.Frames.SkipWhile(frame => frame != notice).First(IsChange).Number("new_bitrate_kbps");
        Assert.InRange(notice.Number("dropped_count"), after - before - 1, after - before); // The newest dropped comes again as the present state.
        Assert.Equal(3, ledger.Frames.Last(frame => frame.Event == EventNames.ViewerCountChanged).Number("viewer_count"));
        Assert.Equal(4850, ledger.Frames.Last(frame => frame.Event == EventNames.BitrateUpdate).Number("current_bitrate_kbps"));

        static bool IsChange(Frame frame) => frame.Event == EventNames.QualityChanged;
    }

    /// <summary>All by the API: hundreds of changes around one error, and the end.</summary>
    [Fact]
    public async Task S24_ErrorsAndTheEnd_AreNeverDropped()
    {
        const int Changes = 400;
        var stream = await Api.StartStreamAsync();
        await using var pace = await stream.WatchAsync();
        await using var stalled = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync(), Ledger.ReceiveBuffer);
        await ChangeAsync(stream, pace, Changes);
        await stream.PostAsync("error", Ask.IngestTrouble);
        await stalled.WriteAsync(RawFrame.OfText(Ask.Pong(1))); // It reads nothing, but is not idle.
        await ChangeAsync(stream, pace, Changes);
        await stream.PostAsync("end");

        var transcript = await stalled.ReadToEndAsync(stalled.AnswerCloseAsync, TimeSpan.FromSeconds(30));
        var frames = transcript.Frames.Where(frame => frame.Opcode == RawFrame.Text).Select(frame => frame.AsMessage()).ToList();
        Assert.Single(frames, frame => frame.Event == EventNames.StreamStarted);
        Assert.Single(frames, frame => frame.Event == EventNames.Error && frame.Text("error_code") == ErrorCodes.BufferOverflow);
        Assert.Contains(frames, frame => frame.Event == EventNames.Error && frame.Text("error_code") == ErrorCodes.MessagesDropped);
        Assert.Equal((EventNames.StreamEnded, 1000), (frames[^1].Event, transcript.CloseCode));
    }

    private static async Task ChangeAsync(TestStream stream, Viewer pace, int changes)
    {
        var seen = pace.Of(EventNames.QualityChanged).Count;
        await Parallel.ForEachAsync(
            Enumerable.Range(1, changes), new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (number, _) => await stream.ChangeQualityAsync(number));
        await Eventually.TrueAsync(() => Task.FromResult(pace.Of(EventNames.QualityChanged).Count == seen + changes), "all changes are told");
    }
}
