using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>
/// The code of a close arrives, however much the client has sent behind what is closed for, and the viewer is gone from the count, once
/// (F4 to F7, F9, S39, S40). A server that closes on unread bytes makes TCP reset the connection, and the code is lost with it.
/// </summary>
public sealed class CloseArrivesTests(NovaFixture nova)
{
    private const int AtOnce = 15;
    private const int Rounds = 7;

    private static readonly Dictionary<string, (byte[] Bytes, int Code)> Violations = new()
    {
        ["unmasked text"] = (RawFrame.Build(RawFrame.Text, AutobahnCases.Info("unmasked"), masked: false), 1002),
        ["unmasked ping"] = (RawFrame.Build(RawFrame.Ping, masked: false), 1002),
        ["UTF-8: never valid"] = (RawFrame.Build(RawFrame.Text, [0xFF]), 1007),
        ["UTF-8: truncated"] = (RawFrame.Build(RawFrame.Text, [.. "{\""u8, 0xE2, 0x82]), 1007),
        ["UTF-8: split"] = ([.. RawFrame.Build(RawFrame.Text, [0xE2, 0x82], fin: false), .. RawFrame.Build(RawFrame.Continuation, [0x28])], 1007),
        ["RSV1"] = (RawFrame.Build(RawFrame.Text, AutobahnCases.Info("deflated"), rsv: 4), 1002),
        ["RSV2 of a control frame"] = (RawFrame.Build(RawFrame.Ping, rsv: 2), 1002),
        ["opcode 3"] = (RawFrame.Build(3, "reserved"u8), 1002),
        ["opcode 11"] = (RawFrame.Build(11), 1002),
        ["ping of 126 bytes"] = (RawFrame.Build(RawFrame.Ping, new byte[126]), 1002),
        ["ping in fragments"] = (RawFrame.Build(RawFrame.Ping, "half"u8, fin: false), 1002),
        ["close of one byte"] = (RawFrame.Build(RawFrame.Close, [0x03]), 1002),
        ["orphan continuation"] = (RawFrame.Build(RawFrame.Continuation, "orphan"u8), 1002),
        ["text inside a text"] = ([.. RawFrame.OfText("{", fin: false), .. RawFrame.OfText("}")], 1002),
        ["declared 262,145"] = (RawFrame.Header(RawFrame.Text, 262_145), 1009),
        ["declared 1 TiB"] = (RawFrame.Header(RawFrame.Text, 1UL << 40), 1009),
        ["declared 2^63-1"] = (RawFrame.Header(RawFrame.Text, long.MaxValue), 1009),
        ["declared with the top bit"] = (RawFrame.Header(RawFrame.Text, 1UL << 63 | 5), 1002),
        ["5 in 16 bits"] = (RawFrame.Build(RawFrame.Text, "{   }"u8, form: RawFrame.LengthForm.Bits16), 1002),
        ["5 in 64 bits"] = (RawFrame.Build(RawFrame.Text, "{   }"u8, form: RawFrame.LengthForm.Bits64), 1002),
        ["65,535 in 64 bits"] = (RawFrame.Build(RawFrame.Text, AutobahnCases.Info("long", 65_535), form: RawFrame.LengthForm.Bits64), 1002),
    };

    private static readonly Dictionary<string, (byte[] Bytes, int Code)> Refused = new()
    {
        ["not JSON"] = (RawFrame.OfText("{"), 1003),
        ["unknown event"] = (RawFrame.OfText("""{"event":"subscribe","data":{}}"""), 1003),
        ["binary"] = (RawFrame.Build(RawFrame.Binary, "{}"u8), 1003),
    };

    public static TheoryData<string> ViolationNames => [.. Violations.Keys];

    public static TheoryData<string> RefusedNames => [.. Refused.Keys];

    [Theory]
    [MemberData(nameof(ViolationNames))]
    public async Task Violation_WithMuchBehindIt_IsClosedWithACodeThatArrives(string name)
    {
        var behind = new byte[200 * 1024];
        new Random(name.Length).NextBytes(behind);
        await AssertArrivesAsync(Violations[name].Bytes, behind, Violations[name].Code);
    }

    /// <summary>More than Kestrel reads ahead: the rest waits in the kernel, and only a server that reads on keeps TCP from resetting.</summary>
    [Theory]
    [InlineData("unmasked text")]
    [InlineData("UTF-8: never valid")]
    [InlineData("declared 1 TiB")]
    public async Task Violation_WithMoreBehindItThanKestrelTakes_IsClosedWithACodeThatArrives(string name) =>
        await AssertArrivesAsync(Violations[name].Bytes, new byte[1_400_000], Violations[name].Code, rounds: 2);

    /// <summary>Valid messages behind the bad one, 1.2 MB of them: they are read over and nothing is done with them.</summary>
    [Theory]
    [MemberData(nameof(RefusedNames))]
    public async Task RefusedMessage_WithManyBehindIt_IsClosedWith1003ThatArrives(string name)
    {
        var late = RawFrame.Build(RawFrame.Text, AutobahnCases.Info("late", 60_000));
        await AssertArrivesAsync(Refused[name].Bytes, [.. Enumerable.Repeat(late, 20).SelectMany(frame => frame)], Refused[name].Code);
    }

    /// <summary>F9: not answering the close, and never stopping to send, buy nobody a socket.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ClientThatIgnoresTheClose_IsGoneInFiveSeconds(bool keepsSending)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync();
        await using var watching = await stream.WatchAsync();
        await Task.WhenAll(Violations.Values.Concat(Refused.Values).Select(async violation =>
        {
            await using var viewer = await RawViewer.WatchAsync(nova.Stack.Gateways[0], stream.Id, token);
            await viewer.WriteAsync(violation.Bytes);
            var sending = keepsSending ? SendForeverAsync(viewer) : Task.CompletedTask;
            var closed = 0L;
            var transcript = await viewer.ReadToEndAsync(
                () =>
                {
                    closed = Stopwatch.GetTimestamp();
                    return Task.CompletedTask;
                },
                within: TimeSpan.FromSeconds(30));
            Assert.Equal(violation.Code, transcript.CloseCode);
            Assert.InRange(Stopwatch.GetElapsedTime(closed), TimeSpan.Zero, TimeSpan.FromSeconds(7)); // 5 s, and a busy machine
            await sending;
        }));
        await AssertOnlyIsLeftAsync(watching);
    }

    private static async Task SendForeverAsync(RawViewer viewer)
    {
        var frames = RawFrame.Build(RawFrame.Text, AutobahnCases.Info("late", 60_000));
        while (viewer.Ending is null && await viewer.WriteAsync(frames))
        {
            await Task.Yield();
        }
    }

    private async Task AssertArrivesAsync(byte[] bad, byte[] behind, int code, int rounds = Rounds)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync();
        await using var watching = await stream.WatchAsync();
        List<RawTranscript> transcripts = [];
        byte[] all = [.. bad, .. behind];
        for (var round = 0; round < rounds; round++)
        {
            transcripts.AddRange(await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
            {
                await using var viewer = await RawViewer.WatchAsync(nova.Stack.Gateways[0], stream.Id, token);
                var sending = viewer.WriteAsync(all, within: TimeSpan.FromSeconds(30));
                var transcript = await viewer.ReadToEndAsync(
                    async () =>
                    {
                        await sending; // The server reads on, or this would never be out.
                        await viewer.AnswerCloseAsync();
                    },
                    within: TimeSpan.FromSeconds(30));
                await sending;
                return transcript;
            })));
        }

        var arrived = transcripts.Count(transcript => transcript.CloseCode == code);
        var others = transcripts.Where(transcript => transcript.CloseCode is { } other && other != code).ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{arrived} of {transcripts.Count} codes arrived; {transcripts.Count(transcript => transcript.Ending == RawEnding.Fin)} connections ended by FIN");
        Assert.Empty(others);
        Assert.InRange(arrived, (int)Math.Ceiling(transcripts.Count * 0.95), transcripts.Count);
        Assert.All(transcripts.SelectMany(transcript => transcript.Frames).Where(frame => frame.Opcode == RawFrame.Text), frame =>
            Assert.NotEqual(EventNames.StreamInfo, frame.AsMessage().Event));
        await AssertOnlyIsLeftAsync(watching);
    }

    /// <summary>The count comes back to the one who watches, who never sees itself counted out with others.</summary>
    private static async Task AssertOnlyIsLeftAsync(Viewer watching)
    {
        IEnumerable<int> Counts() => watching.Frames.Where(frame => frame.Event == EventNames.ViewerCountChanged).Select(frame => frame.Number("viewer_count"));
        await Eventually.TrueAsync(() => Task.FromResult(Counts().LastOrDefault() == 1), "only the watching viewer was counted");
        Assert.DoesNotContain(0, Counts());
        Assert.Null(watching.CloseCode);
    }
}
