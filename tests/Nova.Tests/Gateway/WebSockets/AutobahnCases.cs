using System.Text;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>
/// The cases of the Autobahn|Testsuite's fuzzing client, sections 1 to 7, as a table of ours. Nova echoes nothing, so a message that must be
/// accepted is a <c>get_stream_info</c> of the case's length or with the case's text as <c>request_id</c>: its answer shows that it came through.
/// What Autobahn expects to see echoed and is no message of the protocol is closed with 1003: for binary (S38) and for text that is no JSON.
/// </summary>
internal static partial class AutobahnCases
{
    private const int Normal = 1000;
    private const int ProtocolError = 1002;
    private const int Unsupported = 1003;
    private const int InvalidUtf8 = 1007;

    private static readonly byte[] NotText = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];

    public static IReadOnlyList<AutobahnCase> All =>
        field ??= [.. Framing(), .. Pings(), .. ReservedBits(), .. Opcodes(), .. Fragmentation(), .. Utf8(), .. Closing()];

    public static AutobahnCase Find(string number) => All.Single(one => one.Number == number);

    /// <summary>A message of exactly that many bytes; the padding is whitespace, of which one byte gone wrong makes invalid JSON.</summary>
    public static byte[] Info(string id, int length = 0)
    {
        const string Whitespace = " \n\t\r";
        var (head, tail) = ("""{"event":"get_stream_info","data":""", $$$"""{"request_id":{{{Quote(id)}}}}}""");
        var padding = Math.Max(0, length - Encoding.UTF8.GetByteCount(head + tail));
        var message = Encoding.UTF8.GetBytes($"{head}{string.Concat(Enumerable.Range(0, padding).Select(i => Whitespace[i % Whitespace.Length]))}{tail}");
        Assert.True(length == 0 || message.Length == length, $"A get_stream_info has at least {message.Length} bytes.");
        return message;
    }

    /// <summary>The same in JSON's own words, but nothing escaped that need not be.</summary>
    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";

    private static IEnumerable<AutobahnCase> Framing()
    {
        (int Length, int Chop)[] sizes = [(0, 0), (125, 0), (126, 0), (127, 0), (128, 0), (65_535, 0), (65_536, 0), (65_536, 997)];
        foreach (var (index, (length, chop)) in sizes.Index())
        {
            var text = $"1.1.{index + 1}";
            yield return length == 0
                ? Fails(text, Unsupported, new Send(RawFrame.Build(RawFrame.Text)))
                : Works(text, [Answer(text)], new Send(RawFrame.Build(RawFrame.Text, Info(text, length)), chop));

            var bytes = new byte[length];
            Array.Fill(bytes, (byte)0xFE);
            yield return Fails($"1.2.{index + 1}", Unsupported, new Send(RawFrame.Build(RawFrame.Binary, bytes), chop));
        }
    }

    private static IEnumerable<AutobahnCase> Pings()
    {
        byte[] most = [.. Enumerable.Repeat((byte)0xFE, 125)];
        var unsolicited = RawFrame.Build(RawFrame.Pong, "unsolicited pong payload"u8);
        byte[][] ten = [.. Enumerable.Range(0, 10).Select(i => Encoding.UTF8.GetBytes($"payload-{i}"))];
        byte[] pings = [.. ten.SelectMany(payload => RawFrame.Build(RawFrame.Ping, payload))];

        yield return Works("2.1", [Pong([])], new Send(RawFrame.Build(RawFrame.Ping)));
        yield return Works("2.2", [Pong("Hello, world!"u8)], new Send(RawFrame.Build(RawFrame.Ping, "Hello, world!"u8)));
        yield return Works("2.3", [Pong(NotText)], new Send(RawFrame.Build(RawFrame.Ping, NotText)));
        yield return Works("2.4", [Pong(most)], new Send(RawFrame.Build(RawFrame.Ping, most)));
        yield return Fails("2.5", ProtocolError, new Send(RawFrame.Build(RawFrame.Ping, [.. most, 0xFE])));
        yield return Works("2.6", [Pong(most)], new Send(RawFrame.Build(RawFrame.Ping, most), Chop: 1));
        yield return Closes("2.7", Normal, [], RawFrame.Build(RawFrame.Pong), RawFrame.OfClose(Normal));
        yield return Closes("2.8", Normal, [], unsolicited, RawFrame.OfClose(Normal));
        yield return Works("2.9", [Pong("ping payload"u8)], new Send(unsolicited), new Send(RawFrame.Build(RawFrame.Ping, "ping payload"u8)));
        yield return Works("2.10", [.. ten.Select(payload => Pong(payload))], new Send(pings)) with { MayAnswerOnlyTheLastPing = true };
        yield return Works("2.11", [.. ten.Select(payload => Pong(payload))], new Send(pings, Chop: 1)) with { MayAnswerOnlyTheLastPing = true };
    }

    private static IEnumerable<AutobahnCase> ReservedBits()
    {
        yield return Fails("3.1", ProtocolError, new Send(RawFrame.Build(RawFrame.Text, Info("3.1"), rsv: 1)));
        yield return FailsAfterAMessage("3.2", 0, frameWise: false, RawFrame.Build(RawFrame.Text, Info("second"), rsv: 2));
        yield return FailsAfterAMessage("3.3", 0, frameWise: true, RawFrame.Build(RawFrame.Text, Info("second"), rsv: 3));
        yield return FailsAfterAMessage("3.4", 1, frameWise: false, RawFrame.Build(RawFrame.Text, Info("second"), rsv: 4));
        yield return Fails("3.5", ProtocolError, new Send(RawFrame.Build(RawFrame.Binary, NotText, rsv: 5)));
        yield return Fails("3.6", ProtocolError, new Send(RawFrame.Build(RawFrame.Ping, "Hello, world!"u8, rsv: 6)));
        yield return Fails("3.7", ProtocolError, new Send(RawFrame.Build(RawFrame.Close, rsv: 7)));
    }

    private static IEnumerable<AutobahnCase> Opcodes()
    {
        foreach (var (section, first) in new[] { ("4.1", 3), ("4.2", 11) })
        {
            yield return Fails($"{section}.1", ProtocolError, new Send(RawFrame.Build(first)));
            yield return Fails($"{section}.2", ProtocolError, new Send(RawFrame.Build(first + 1, "reserved opcode payload"u8)));
            yield return FailsAfterAMessage($"{section}.3", 0, frameWise: false, RawFrame.Build(first + 2));
            yield return FailsAfterAMessage($"{section}.4", 0, frameWise: false, RawFrame.Build(first + 3, Info("reserved")));
            yield return FailsAfterAMessage($"{section}.5", 1, frameWise: false, RawFrame.Build(first + 4, Info("reserved")));
        }
    }

    private static IEnumerable<AutobahnCase> Closing()
    {
        byte[] close = RawFrame.OfClose(Normal), ping = RawFrame.Build(RawFrame.Ping), text = RawFrame.Build(RawFrame.Text, Info("late"));
        yield return Works("7.1.1", [Answer("7.1.1")], new Send(RawFrame.Build(RawFrame.Text, Info("7.1.1"))));
        yield return Closes("7.1.2", Normal, [], close, RawFrame.Build(RawFrame.Close));
        yield return Closes("7.1.3", Normal, [], close, ping);
        yield return Closes("7.1.4", Normal, [], close, text);
        yield return Closes(
            "7.1.5", Normal, [], RawFrame.Build(RawFrame.Text, "fragment1"u8, fin: false), close, RawFrame.Build(RawFrame.Continuation, "fragment2"u8));
        yield return Closes(
            "7.1.6", Normal, [Answer("big"), Answer("small")],
            RawFrame.Build(RawFrame.Text, Info("big", 262_144)), RawFrame.Build(RawFrame.Text, Info("small")), close, ping);

        yield return Closes("7.3.1", Normal, [], RawFrame.Build(RawFrame.Close));
        yield return Closes("7.3.2", ProtocolError, [], RawFrame.Build(RawFrame.Close, "a"u8));
        yield return Closes("7.3.3", Normal, [], close);
        yield return Closes("7.3.4", Normal, [], RawFrame.OfClose(Normal, "Hello World!"));
        yield return Closes("7.3.5", Normal, [], RawFrame.OfClose(Normal, new string('*', 123)));
        yield return Closes("7.3.6", ProtocolError, [], RawFrame.OfClose(Normal, new string('*', 124)));
        yield return Closes("7.5.1", InvalidUtf8, [], RawFrame.OfClose(Normal, [.. Kosme, 0xED, 0xA0, 0x80, .. "edited"u8]));

        int[] valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
        int[] invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
        foreach (var (index, code) in valid.Index())
        {
            yield return Closes($"7.7.{index + 1}", Normal, [], RawFrame.OfClose(code));
        }

        foreach (var (index, code) in invalid.Index())
        {
            yield return Closes($"7.9.{index + 1}", ProtocolError, [], RawFrame.OfClose(code));
        }

        yield return Closes("7.13.1", ProtocolError, [], RawFrame.OfClose(5000));
        yield return Closes("7.13.2", ProtocolError, [], RawFrame.OfClose(65_535));
    }

    private static string Answer(string requestId) => $"stream_info {JsonSerializer.Serialize(requestId)}";

    private static string Pong(ReadOnlySpan<byte> payload) => $"pong {Convert.ToHexString(payload)}";

    /// <summary>Answered by exactly these; then the client closes, and the server answers that.</summary>
    private static AutobahnCase Works(string number, string[] replies, params Step[] steps) => new(number, steps, replies, Normal, ClosesItself: false);

    /// <summary>The server closes with that code and sends nothing else.</summary>
    private static AutobahnCase Fails(string number, int code, params Step[] steps) => new(number, steps, [], code, ClosesItself: false);

    /// <summary>A message, which is answered, then what must not be, then a ping that must not be answered any more.</summary>
    private static AutobahnCase FailsAfterAMessage(string number, int chop, bool frameWise, byte[] bad)
    {
        byte[][] frames = [RawFrame.Build(RawFrame.Text, Info(number)), bad, RawFrame.Build(RawFrame.Ping)];
        return new(number, Sends(frames, chop, frameWise), [Answer(number)], ProtocolError, ClosesItself: false);
    }

    /// <summary>The client's frames, all in one write, contain its close.</summary>
    private static AutobahnCase Closes(string number, int code, string[] replies, params byte[][] frames) =>
        new(number, Sends(frames, 0, frameWise: false), replies, code, ClosesItself: true);

    private static Step[] Sends(byte[][] frames, int chop, bool frameWise) =>
        frameWise ? [.. frames.Select(frame => new Send(frame, chop))] : [new Send([.. frames.SelectMany(frame => frame)], chop)];
}

/// <param name="Replies">Pongs and answers, in order; nothing else may come but what every viewer is told.</param>
/// <param name="Code">Of the server's close frame.</param>
/// <param name="ClosesItself">Whether the steps contain the client's close frame.</param>
internal sealed record AutobahnCase(string Number, IReadOnlyList<Step> Steps, IReadOnlyList<string> Replies, int Code, bool ClosesItself)
{
    /// <summary>RFC 6455 5.5.3 allows it where several are pending.</summary>
    public bool MayAnswerOnlyTheLastPing { get; init; }
}

internal abstract record Step;

/// <param name="Chop">Bytes a TCP write; 0 is one write.</param>
internal sealed record Send(byte[] Bytes, int Chop = 0) : Step;

/// <summary>The reply must be there before anything further is sent.</summary>
internal sealed record AwaitReply(string Reply) : Step;
