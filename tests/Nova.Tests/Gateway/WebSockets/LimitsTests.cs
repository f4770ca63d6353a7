using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>R104 on both sides of the limit, by declared and by reassembled length (S25), and fragments without measure (F8).</summary>
public sealed class LimitsTests(NovaFixture nova)
{
    [Theory]
    [InlineData(262_144)]
    [InlineData(263)]
    [InlineData(1)]
    public async Task MessageOfTheGreatestSize_InFragmentsOfAnySize_IsAnswered(int fragment)
    {
        await using var viewer = await WatchAsync();
        var sending = viewer.WriteAsync(RawFrame.Fragments(AutobahnCases.Info("greatest", Limits.MaxMessageBytes), fragment));
        var answer = await viewer.WaitForAsync(frame => frame.Opcode == RawFrame.Close || (frame.Opcode == RawFrame.Text && IsInfo(frame, "greatest")));
        Assert.True(await sending || fragment == 1);

        // A fragment a byte is an attack (F8): 262,144 of them may be accepted or cut, in bounded time.
        if (fragment > 1 || answer.Opcode == RawFrame.Text)
        {
            Assert.Equal(RawFrame.Text, answer.Opcode);
        }
        else
        {
            Assert.Contains(new RawTranscript([answer], RawEnding.Fin).CloseCode!.Value, new[] { 1008, 1009 });
        }
    }

    [Theory]
    [InlineData(262_145)]
    [InlineData(263)]
    public async Task MessageOfOneByteMore_InFragmentsOfAnySize_Is1009(int fragment)
    {
        await using var viewer = await WatchAsync();
        await viewer.WriteAsync(RawFrame.Fragments(AutobahnCases.Info("too big", Limits.MaxMessageBytes + 1), fragment));
        Assert.Equal(1009, (await viewer.ReadToEndAsync(viewer.AnswerCloseAsync)).CloseCode);
    }

    /// <summary>The head alone decides: no byte of the payload that would be too much is ever sent.</summary>
    [Theory]
    [InlineData(0, 262_145)]
    [InlineData(1, 262_144)]
    [InlineData(200_000, 62_145)]
    [InlineData(262_144, 1)]
    [InlineData(262_144, long.MaxValue)] // Added up, these overflow.
    public async Task LengthThatIsTooMuch_OnceDeclared_Is1009(int sent, long declared)
    {
        await using var viewer = await WatchAsync();
        var before = sent == 0 ? [] : RawFrame.Build(RawFrame.Text, Encoding.ASCII.GetBytes(new string(' ', sent)), fin: false);
        await viewer.WriteAsync([before, RawFrame.Header(sent == 0 ? RawFrame.Text : RawFrame.Continuation, (ulong)declared)]);
        Assert.Equal(1009, (await viewer.ReadToEndAsync(viewer.AnswerCloseAsync)).CloseCode);
    }

    [Fact]
    public async Task EmptyFragmentsWithoutEnd_AreClosed()
    {
        await using var viewer = await WatchAsync();
        await viewer.WriteAsync(RawFrame.Build(RawFrame.Text, fin: false));
        byte[] many = [.. Enumerable.Repeat(RawFrame.Build(RawFrame.Continuation, fin: false), 10_000).SelectMany(frame => frame)];
        var reading = viewer.ReadToEndAsync(within: TimeSpan.FromSeconds(20));
        while (!reading.IsCompleted && await viewer.WriteAsync(many))
        {
        }

        Assert.Contains((await reading).CloseCode, new int?[] { 1008, 1009 });
    }

    [Fact]
    public async Task ControlFrames_BetweenHundredsOfFragments_AreHandledAndTheMessageIsWhole()
    {
        await using var viewer = await WatchAsync();
        var fragments = RawFrame.Fragments(AutobahnCases.Info("whole", 20_000), 50);
        var sending = viewer.WriteAsync(fragments.Index().SelectMany(fragment => new[]
        {
            RawFrame.Build(RawFrame.Pong, "unsolicited"u8), RawFrame.Build(RawFrame.Ping, Encoding.ASCII.GetBytes($"{fragment.Index}")), fragment.Item,
        }));

        List<int> pongs = [];
        await viewer.WaitForAsync(frame =>
        {
            if (frame.Opcode == RawFrame.Pong)
            {
                pongs.Add(int.Parse(frame.AsText));
            }

            Assert.NotEqual(RawFrame.Close, frame.Opcode);
            return frame.Opcode == RawFrame.Text && IsInfo(frame, "whole");
        });
        Assert.True(await sending);
        Assert.NotEmpty(pongs);
        Assert.Equal(pongs.Distinct().Order(), pongs); // Each at most once, in order; of several pending the last is enough.

        await viewer.WriteAsync(RawFrame.Build(RawFrame.Ping, "last"u8));
        await viewer.WaitForAsync(frame => frame.Opcode == RawFrame.Pong && frame.AsText == "last");
    }

    /// <summary>The limit starts over at each message.</summary>
    [Fact]
    public async Task MessagesOfTheGreatestSize_OneAfterTheOther_AreAllAnswered()
    {
        await using var viewer = await WatchAsync();
        for (var i = 0; i < 5; i++)
        {
            await viewer.WriteAsync(RawFrame.Fragments(AutobahnCases.Info($"{i}", Limits.MaxMessageBytes), 100_000));
            await viewer.WaitForAsync(frame => frame.Opcode == RawFrame.Text && IsInfo(frame, $"{i}"));
        }
    }

    private static bool IsInfo(RawFrame frame, string id) =>
        frame.AsMessage() is { Event: EventNames.StreamInfo } message && message.Text("request_id") == id;

    private async Task<RawViewer> WatchAsync() =>
        await RawViewer.WatchAsync(nova.Stack.Gateways[0], (await nova.Api.CreateStreamAsync()).Id, await nova.Api.TokenAsync());
}

/// <summary>Run alone: other tests would allocate in this process meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed class DeclaredLengthTests(NovaFixture nova)
{
    private const int Viewers = 200;

    /// <summary>R104, R112: memory follows what was received, never what was announced.</summary>
    [Theory]
    [InlineData(262_144, null)]
    [InlineData(262_145, 1009)]
    [InlineData(1L << 40, 1009)]
    [InlineData(long.MaxValue, 1009)]
    public async Task FrameThatNeverComes_CostsNoMemory(long declared, int? code)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, Viewers).Select(_ => RawViewer.WatchAsync(nova.Stack.Gateways[0], stream.Id, token)));
        byte[] start = [.. RawFrame.Header(RawFrame.Text, (ulong)declared), .. RawFrame.Masked("{\"event\""u8)];

        var before = GC.GetTotalAllocatedBytes(precise: true);
        await Task.WhenAll(viewers.Select(viewer => viewer.WriteAsync(start)));
        await Task.WhenAll(viewers.Select(async viewer =>
        {
            if (code is null)
            {
                viewer.EndWriting(); // Whatever the server had in mind for the rest, it has done it once it answers this.
            }

            var transcript = await viewer.ReadToEndAsync(viewer.AnswerCloseAsync);
            if (code is not null)
            {
                Assert.Equal(code, transcript.CloseCode);
            }

            await viewer.DisposeAsync();
        }));
        var each = (GC.GetTotalAllocatedBytes(precise: true) - before) / Viewers;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:N0} bytes a connection");
        Assert.InRange(each, 0, 64 * 1024);
    }
}
