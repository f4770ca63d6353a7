using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>Every case of <see cref="AutobahnCases"/> on a real gateway, and what its table leaves out.</summary>
public sealed class AutobahnTests(NovaFixture nova, AutobahnTests.OneStream one) : IClassFixture<AutobahnTests.OneStream>
{
    public static TheoryData<string> Numbers => [.. AutobahnCases.All.Select(@case => @case.Number)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public async Task Case_Run_EndsAsTheTableSays(string number) => await RunAsync(AutobahnCases.Find(number));

    /// <summary>In a string that never ends, in one that does, and at the end of a fragment: the wrong byte counts, not what is around it.</summary>
    [Theory]
    [MemberData(nameof(InvalidTexts))]
    public async Task InvalidUtf8_WhereverItStands_Is1007(string number)
    {
        var bytes = RawTextOf(number);
        byte[] head = [.. "{\"event\":\"get_stream_info\",\"data\":{\"request_id\":\""u8];
        foreach (var frames in new byte[][]
        {
            RawFrame.Build(RawFrame.Text, [.. head, .. bytes, .. "\"}}"u8]),
            [.. RawFrame.Build(RawFrame.Text, [.. head, .. bytes], fin: false), .. RawFrame.Build(RawFrame.Continuation, "\"}}"u8)],
        })
        {
            await RunAsync(new AutobahnCase(number, [new Send(frames)], [], (int)CloseCode.InvalidPayload, ClosesItself: false));
        }
    }

    public static TheoryData<string> InvalidTexts =>
        [.. AutobahnCases.All.Where(@case => @case is { Code: (int)CloseCode.InvalidPayload, Steps.Count: 1, ClosesItself: false }).Select(@case => @case.Number)];

    /// <summary>The counterpart: text that is UTF-8 and no JSON is never 1007.</summary>
    [Theory]
    [InlineData("68656C6C6FF0A4ADA2776F726C64")]
    [InlineData("CEBAE1BDB9CF83CEBCCEB5")]
    [InlineData("F48FBFBF")]
    [InlineData("00")]
    [InlineData("EFBBBF7B7D")] // A byte order mark: JSON.parse fails on it.
    public async Task ValidUtf8_ThatIsNoJson_Is1003(string text) => await RunAsync(new AutobahnCase(
        text, [new Send(RawFrame.Build(RawFrame.Text, Convert.FromHexString(text)))], [], (int)CloseCode.UnsupportedData, ClosesItself: false));

    /// <summary>Codes that are in nobody's table: 1015 is never sent (RFC 6455 7.4.1), 1012 to 1014 were registered later.</summary>
    [Theory]
    [InlineData(1015, 1002)]
    [InlineData(1012, 1000)]
    [InlineData(1013, 1000)]
    [InlineData(1014, 1000)]
    [InlineData(4408, 1000)]
    public async Task Close_WithACodeOutsideTheTable_IsAnswered(int sent, int answered) => await RunAsync(
        new AutobahnCase($"{sent}", [new Send(RawFrame.OfClose(sent))], [], answered, ClosesItself: true));

    private async Task RunAsync(AutobahnCase @case)
    {
        await using var viewer = await RawViewer.WatchAsync(nova.Stack.Gateways[0], one.StreamId, one.Token);
        List<string> replies = [];
        foreach (var step in @case.Steps)
        {
            if (step is Send send)
            {
                await viewer.WriteAsync(send.Bytes, send.Chop);
            }
            else if (step is AwaitReply awaited)
            {
                await ReadUntilAsync(viewer, replies, () => replies.LastOrDefault() == awaited.Reply);
            }
        }

        var worked = @case is { Code: (int)CloseCode.Normal, ClosesItself: false };
        if (worked)
        {
            await ReadUntilAsync(viewer, replies, () => @case.Replies.Count == 0 || replies.LastOrDefault() == @case.Replies[^1]);
            await viewer.WriteAsync(RawFrame.OfClose(1000));
        }

        var rest = await viewer.ReadToEndAsync(worked || @case.ClosesItself ? null : viewer.AnswerCloseAsync);
        replies.AddRange(rest.Frames.Select(Reply).OfType<string>());
        Assert.True(rest.CloseCode == @case.Code, $"The close should be {@case.Code}; there came: {rest}");
        if (@case.MayAnswerOnlyTheLastPing)
        {
            Assert.Equal(@case.Replies.Where(replies.Contains), replies);
        }
        else
        {
            Assert.Equal(@case.Replies, replies);
        }

        if (@case.Code == (int)CloseCode.Normal)
        {
            Assert.Equal(RawEnding.Fin, rest.Ending); // Where the server is to blame for nothing, nothing may be lost.
        }
    }

    private static async Task ReadUntilAsync(RawViewer viewer, List<string> replies, Func<bool> enough)
    {
        while (!enough())
        {
            var frame = await viewer.ReadAsync();
            Assert.True(frame is not null, $"The connection ended ({viewer.Ending}) after {string.Join(", ", replies)}.");
            Assert.True(frame.Opcode != RawFrame.Close, $"A close came after {string.Join(", ", replies)}.");
            if (Reply(frame) is { } reply)
            {
                replies.Add(reply);
            }
        }
    }

    /// <summary>What the server said to this client; null for what it tells every viewer, and for the error that explains a close.</summary>
    private static string? Reply(RawFrame frame)
    {
        if (frame.Opcode == RawFrame.Pong)
        {
            return $"pong {Convert.ToHexString(frame.Payload)}";
        }

        if (frame.Opcode == RawFrame.Close)
        {
            return null;
        }

        var message = frame.AsMessage();
        return message.Event == EventNames.StreamInfo ? $"{message.Event} {JsonSerializer.Serialize(message.Text("request_id"))}" : null;
    }

    /// <summary>The bytes of the case's only frame, unmasked.</summary>
    private static byte[] RawTextOf(string number)
    {
        var frame = ((Send)AutobahnCases.Find(number).Steps[0]).Bytes;
        return number == "6.3.2" ? [0xCE, 0xBA, 0xED, 0xA0, 0x80] : RawFrame.Masked(frame.AsSpan(6));
    }

    /// <summary>All cases watch one stream.</summary>
    public sealed class OneStream(NovaFixture nova) : IAsyncLifetime
    {
        public string StreamId { get; private set; } = "";

        public string Token { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            StreamId = (await nova.Api.StartStreamAsync()).Id;
            Token = await nova.Api.TokenAsync();
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
