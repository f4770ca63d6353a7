using System.Text;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>Sections 5 and 6: messages in fragments, and what is UTF-8 and what is not.</summary>
internal static partial class AutobahnCases
{
    /// <summary>Greek "kosme" with the accented letter that takes three bytes.</summary>
    private const string KosmeText = "κ\u1F79σμε";

    private static readonly byte[] Kosme = Encoding.UTF8.GetBytes(KosmeText);

    /// <summary>0x110000, beyond Unicode's end; wrong at its second byte.</summary>
    private static readonly byte[] TooHigh = [.. Kosme, 0xF4, 0x90, 0x80, 0x80, .. "edited"u8];

    private static IEnumerable<AutobahnCase> Fragmentation()
    {
        byte[] orphan = RawFrame.Build(RawFrame.Continuation, "non-continuation payload"u8), endlessOrphan =
            RawFrame.Build(RawFrame.Continuation, "non-continuation payload"u8, fin: false);
        yield return Fails(
            "5.1", ProtocolError,
            new Send([.. RawFrame.Build(RawFrame.Ping, "fragment1"u8, fin: false), .. RawFrame.Build(RawFrame.Continuation, "fragment2"u8)]));
        yield return Fails(
            "5.2", ProtocolError,
            new Send([.. RawFrame.Build(RawFrame.Pong, "fragment1"u8, fin: false), .. RawFrame.Build(RawFrame.Continuation, "fragment2"u8)]));
        foreach (var (index, (chop, frameWise)) in new[] { (0, false), (0, true), (1, false) }.Index())
        {
            var (whole, pinged, ended, endless) = ($"5.{3 + index}", $"5.{6 + index}", $"5.{9 + index}", $"5.{12 + index}");
            yield return new(whole, Sends([.. Parts(whole, 2)], chop, frameWise), [Answer(whole)], Normal, ClosesItself: false);
            byte[][] withPing = [.. Parts(pinged, 2)];
            yield return new(
                pinged, Sends([withPing[0], RawFrame.Build(RawFrame.Ping, "ping payload"u8), withPing[1]], chop, frameWise),
                [Pong("ping payload"u8), Answer(pinged)], Normal, ClosesItself: false);
            yield return new(ended, Sends([orphan, RawFrame.Build(RawFrame.Text, Info(ended))], chop, frameWise), [], ProtocolError, ClosesItself: false);
            yield return new(
                endless, Sends([endlessOrphan, RawFrame.Build(RawFrame.Text, Info(endless))], chop, frameWise), [], ProtocolError, ClosesItself: false);
        }

        yield return new(
            "5.15", Sends([.. Parts("5.15", 2), endlessOrphan, RawFrame.Build(RawFrame.Text, Info("late"))], 0, frameWise: false), [Answer("5.15")],
            ProtocolError, ClosesItself: false);
        foreach (var (number, start) in new[] { ("5.16", endlessOrphan), ("5.17", orphan) })
        {
            byte[] once = [.. start, .. Parts(number, 2).SelectMany(frame => frame)];
            yield return Fails(number, ProtocolError, new Send([.. once, .. once]));
        }

        yield return Fails(
            "5.18", ProtocolError,
            new Send([.. RawFrame.Build(RawFrame.Text, "fragment1"u8, fin: false), .. RawFrame.Build(RawFrame.Text, "fragment2"u8)]));
        yield return PingedTwice("5.19", frameWise: false);
        yield return PingedTwice("5.20", frameWise: true);
    }

    /// <summary>Five fragments; the first ping is answered before the third one is sent.</summary>
    private static AutobahnCase PingedTwice(string number, bool frameWise)
    {
        byte[][] parts = [.. Parts(number, 5)];
        byte[] first = RawFrame.Build(RawFrame.Ping, "pongme 1!"u8), second = RawFrame.Build(RawFrame.Ping, "pongme 2!"u8);
        return Works(
            number, [Pong("pongme 1!"u8), Pong("pongme 2!"u8), Answer(number)],
            [
                .. Sends([parts[0], parts[1], first], 0, frameWise), new AwaitReply(Pong("pongme 1!"u8)),
                .. Sends([parts[2], parts[3], second, parts[4]], 0, frameWise),
            ]);
    }

    private static IReadOnlyList<byte[]> Parts(string id, int count)
    {
        var message = Info(id);
        return RawFrame.Fragments(message, (message.Length + count - 1) / count);
    }

    private static IEnumerable<AutobahnCase> Utf8()
    {
        const string Text = "Hello-µ@ßöäüàá-UTF-8!!";
        byte[] empty = RawFrame.Build(RawFrame.Text, fin: false), more = RawFrame.Build(RawFrame.Continuation, fin: false), last = RawFrame.Build(RawFrame.Continuation);
        yield return Fails("6.1.1", Unsupported, new Send(RawFrame.Build(RawFrame.Text)));
        yield return Fails("6.1.2", Unsupported, new Send([.. empty, .. more, .. last]));
        yield return Works("6.1.3", [Answer("6.1.3")], new Send([.. empty, .. RawFrame.Build(RawFrame.Continuation, Info("6.1.3"), fin: false), .. last]));

        var message = Info(Text);
        var middle = message.AsSpan().IndexOf("ü"u8);
        yield return Works("6.2.1", [Answer(Text)], new Send(RawFrame.Build(RawFrame.Text, message)));
        yield return Works(
            "6.2.2", [Answer(Text)],
            new Send([.. RawFrame.Build(RawFrame.Text, message.AsSpan(..middle), fin: false), .. RawFrame.Build(RawFrame.Continuation, message.AsSpan(middle..))]));
        yield return Works("6.2.3", [Answer(Text)], new Send([.. RawFrame.Fragments(message, 1).SelectMany(frame => frame)]));
        yield return Works("6.2.4", [Answer(KosmeText)], new Send([.. RawFrame.Fragments(Info(KosmeText), 1).SelectMany(frame => frame)]));

        byte[] surrogate = [.. Kosme, 0xED, 0xA0, 0x80, .. "edited"u8];
        yield return Fails("6.3.1", InvalidUtf8, new Send(RawFrame.Build(RawFrame.Text, surrogate)));
        yield return Fails("6.3.2", InvalidUtf8, new Send([.. RawFrame.Fragments(surrogate, 1).SelectMany(frame => frame)]));
        foreach (var late in FailFast())
        {
            yield return late;
        }

        foreach (var (section, sequences) in Sequences.Index())
        {
            foreach (var (index, (bytes, code)) in sequences.Index())
            {
                var number = $"6.{section + 5}.{index + 1}";
                yield return code == Normal
                    ? Works(number, [Answer(Encoding.UTF8.GetString(bytes))], new Send(RawFrame.Build(RawFrame.Text, InJson(bytes))))
                    : Fails(number, code, new Send(RawFrame.Build(RawFrame.Text, code == Unsupported ? InJson(bytes) : bytes)));
            }
        }
    }

    /// <summary>6.4: nothing is sent behind the byte that makes the text invalid, and the message is never finished.</summary>
    private static IEnumerable<AutobahnCase> FailFast()
    {
        foreach (var (index, (valid, wrong)) in new[] { (11, 15), (12, 13) }.Index())
        {
            yield return Fails(
                $"6.4.{index + 1}", InvalidUtf8,
                new Send(RawFrame.Build(RawFrame.Text, TooHigh.AsSpan(..valid), fin: false)),
                new Send(RawFrame.Build(RawFrame.Ping, "first frame accepted"u8)), new AwaitReply(Pong("first frame accepted"u8)),
                new Send(RawFrame.Build(RawFrame.Continuation, TooHigh.AsSpan(valid..wrong), fin: false))) with
            { Replies = [Pong("first frame accepted"u8)] };
            yield return Fails(
                $"6.4.{index + 3}", InvalidUtf8,
                new Send([.. RawFrame.Header(RawFrame.Text, (ulong)TooHigh.Length), .. RawFrame.Masked(TooHigh.AsSpan(..valid))]),
                new Send(RawFrame.Masked(TooHigh.AsSpan(valid..wrong), valid)));
        }
    }

    private static byte[] InJson(byte[] text) => [.. """{"event":"get_stream_info","data":{"request_id":" """u8[..^1], .. text, .. "\"}}"u8];

    /// <summary>6.5 to 6.23, after Markus Kuhn's UTF-8 decoder test: the bytes, and the code they end with.</summary>
    private static readonly (byte[] Bytes, int Code)[][] Sequences =
    [
        Valid("68656C6C6F24776F726C64", "68656C6C6FC2A2776F726C64", "68656C6C6FE282AC776F726C64", "68656C6C6FF0A4ADA2776F726C64", "CEBAE1BDB9CF83CEBCCEB5"),
        [.. Enumerable.Range(1, 11).Select(length => (Kosme[..length], length is 2 or 5 or 7 or 9 or 11 ? Normal : InvalidUtf8))],
        [([0], Unsupported), .. Valid("C280", "E0A080", "F0908080")], // NUL is UTF-8, but no character of a JSON string.
        Invalid("F888808080", "FC8480808080"),
        Valid("7F", "DFBF", "EFBFBF", "F48FBFBF"),
        Invalid("F7BFBFBF", "FBBFBFBFBF", "FDBFBFBFBFBF"),
        [.. Valid("ED9FBF", "EE8080", "EFBFBD", "F48FBFBF"), .. Invalid("F4908080")],
        [
            .. Invalid("80", "BF", "80BF", "80BF80", "80BF80BF", "80BF80BF80", "80BF80BF80BF"),
            ([.. Enumerable.Range(0x80, 0xBF - 0x80).Select(value => (byte)value)], InvalidUtf8),
        ],
        [Lonely(0xC0, 0xDF), Lonely(0xE0, 0xEF), Lonely(0xF0, 0xF7), Lonely(0xF8, 0xFB), Lonely(0xFC, 0xFD)],
        Invalid("C0", "E080", "F08080", "F8808080", "FC80808080", "DF", "EFBF", "F7BFBF", "FBBFBFBF", "FDBFBFBFBF"),
        Invalid("C0E080F08080F8808080FC80808080DFEFBFF7BFBFFBBFBFBFFDBFBFBFBF"),
        Invalid("FE", "FF", "FEFEFFFF"),
        Invalid("C0AF", "E080AF", "F08080AF", "F8808080AF", "FC80808080AF"),
        Invalid("C1BF", "E09FBF", "F08FBFBF", "F887BFBFBF", "FC83BFBFBFBF"),
        Invalid("C080", "E08080", "F0808080", "F880808080", "FC8080808080"),
        Invalid("EDA080", "EDADBF", "EDAE80", "EDAFBF", "EDB080", "EDBE80", "EDBFBF"),
        Invalid(
            "EDA080EDB080", "EDA080EDBFBF", "EDADBFEDB080", "EDADBFEDBFBF", "EDAE80EDB080", "EDAE80EDBFBF", "EDAFBFEDB080", "EDAFBFEDBFBF"),
        [.. Enumerable.Range(0, 17).SelectMany(plane => new[] { 0xFFFE, 0xFFFF }.Select(end => ((plane << 16) | end, Normal))).Select(Encoded)],
        [.. Enumerable.Range(0xFFF9, 7).Select(character => Encoded((character, Normal)))],
    ];

    private static (byte[] Bytes, int Code)[] Valid(params string[] sequences) => [.. sequences.Select(hex => (Convert.FromHexString(hex), Normal))];

    private static (byte[] Bytes, int Code)[] Invalid(params string[] sequences) => [.. sequences.Select(hex => (Convert.FromHexString(hex), InvalidUtf8))];

    /// <summary>Each first byte of a sequence, followed by a space.</summary>
    private static (byte[] Bytes, int Code) Lonely(int from, int to) =>
        ([.. Enumerable.Range(from, to - from).SelectMany(first => new[] { (byte)first, (byte)' ' })], InvalidUtf8);

    private static (byte[] Bytes, int Code) Encoded((int Scalar, int Code) one) => (Encoding.UTF8.GetBytes(new Rune(one.Scalar).ToString()), one.Code);
}
