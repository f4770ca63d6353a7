using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>A broadcast in which every event happens that can be made to happen at once, as one viewer gets it.</summary>
internal static class EventfulBroadcast
{
    private const string Error =
        """{"error_code":"BUFFER_OVERFLOW","error_message":"“m” 🎮","severity":"warning","recoverable":true,"suggested_action":"a"}""";

    /// <returns>Every message, from the greeting to the stream's end.</returns>
    public static async Task<IReadOnlyList<RawFrame>> RecordAsync(Api api, int gateway)
    {
        var stream = await api.CreateStreamAsync(title: "\"Ünïcode\" 🎮\n\u2028\\", description: "<b>\t</b>");
        var at = api.Gateways[gateway];
        List<RawFrame> frames = [];
        await using var viewer = await RawViewer.OpenAsync(at);
        var answer = await viewer.UpgradeAsync(RawViewer.Request(at, $"{stream.Path}/ws?token={await api.TokenAsync()}"));
        Assert.Equal(101, answer.Status);
        await UntilAsync(EventNames.ConnectionEstablished, EventNames.ViewerCountChanged);

        await stream.PostAsync("start", RuleSteps.Start);
        await stream.PostAsync("quality", RuleSteps.Quality("4k", 15000));
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":14000}""");
        await stream.PostAsync("error", Error);
        await viewer.WriteAsync(RawFrame.OfText("""{"event":"get_stream_info","data":{"request_id":"r \u2028 \"1\""}}"""));
        await viewer.WriteAsync(RawFrame.OfText("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"1"}}"""));
        await UntilAsync(
            EventNames.StreamStarted, EventNames.QualityChanged, EventNames.BitrateUpdate, EventNames.Error, EventNames.StreamInfo,
            EventNames.IssueReceived);

        await stream.PostAsync("end");
        await UntilAsync(EventNames.StreamEnded);
        await viewer.AnswerCloseAsync();
        return frames;

        async Task UntilAsync(params string[] names)
        {
            while (names.Except(frames.Select(frame => frame.AsMessage().Event)).Any())
            {
                var frame = await viewer.ReadAsync();
                Assert.True(frame is not null, $"The connection ended before all of {string.Join(", ", names)} came.");
                frames.Add(frame);
            }
        }
    }
}
