using System.Buffers;
using System.Diagnostics;
using System.Text;
using CsCheck;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>Made-up frames and messages, a hundred thousand and more (F10): always an answer, never an exception, never long.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Cases = 60_000;

    /// <summary>Pieces of real messages, so that much of what is made of them gets deep into the reader.</summary>
    private static readonly Gen<string> Piece = Gen.OneOf(
        "{", "}", "[", "]", ":", ",", "\"event\":", "\"data\":{", "\"pong\"", "\"get_stream_info\"", "\"report_issue\"", "\"refresh_token\"", "\"request_id\":", "\"token\":",
        "\"issue_type\":\"lag\"", "\"severity\":\"low\"", "\"description\":", "\"client_info\":{", "\"sequence\":", "\"player\":", "\"bandwidth_estimate_kbps\":", "\"report_id\":",
        "null", "true", "1e999", "-0", "18446744073709551616", "\"\\ud800\"", "\"\\u0000\"", "\"é😀\"", "\"x\"", "\uFEFF", "\\", "\"", " ", "\n", "//", "__proto__");

    private static readonly Gen<string> Value = Gen.OneOf(
        "0", "-1.5e3", "\"\"", "\"é😀\"", "\"\\u0041\"", "null", "true", "[]", "{}", "[[[1]]]", "{\"a\":{\"b\":[]}}");

    /// <summary>Right, or nearly: a value of any type where there may be one.</summary>
    private static readonly Gen<byte[]> Plausible = Gen.Select(Value, Value, Gen.Int[0, 2], (more, value, kind) => Encoding.UTF8.GetBytes(kind switch
    {
        0 => $"{{\"event\":\"get_stream_info\",\"more\":{more},\"data\":{{\"request_id\":\"r\",\"x\":{value}}}}}",
        1 => $"{{\"data\":{{\"sequence\":{value}}},\"event\":\"pong\",\"more\":{more}}}",
        _ => $"{{\"event\":\"report_issue\",\"data\":{{\"issue_type\":\"lag\",\"severity\":\"low\",\"description\":{value},\"client_info\":{{\"player\":{more}}}}}}}",
    }));

    private static readonly Gen<byte[]> Message = Gen.Frequency(
        (2, Plausible),
        (3, Piece.Array[0, 24].Select(pieces => Encoding.UTF8.GetBytes(string.Concat(pieces)))),
        (2, Gen.Select(Piece.Array[1, 8], Gen.Int[0, 4]).Select((pieces, at) => Mutate(pieces, at))),
        (1, Gen.Byte.Array[0, 200]));

    [Fact]
    public void Parse_AnyMessage_GivesAnAnswer()
    {
        var kinds = new int[2];
        Message.Sample(
            message =>
            {
                var result = ClientMessageParser.Parse(message);
                Interlocked.Increment(ref kinds[result is ClientMessage.Invalid ? 1 : 0]);
                return result is not null;
            },
            iter: Cases);
        output.WriteLine($"{Cases:N0} messages: {kinds[0]:N0} valid, {kinds[1]:N0} refused, no exception");
        Assert.True(kinds[0] > Cases / 20, "Too little of it was right to test much.");
    }

    [Fact]
    public void Read_AnyFrames_GiveMessagesThatParse_OrAViolation()
    {
        Gen.Select(Message.Array[1, 4], Gen.Int[0, 9].Array[4], Gen.Int[1, 40]).Sample(
            (messages, damage, piece) =>
            {
                List<byte> wire = [];
                for (var i = 0; i < messages.Length; i++)
                {
                    var frame = damage[i] switch
                    {
                        0 => RawFrame.Build(RawFrame.Text, messages[i], rsv: 1),
                        1 => RawFrame.Build(RawFrame.Text, messages[i], masked: false),
                        2 => RawFrame.Build(RawFrame.Continuation, messages[i]),
                        3 => RawFrame.Header(RawFrame.Text, ulong.MaxValue >> 1),
                        4 => messages[i],
                        _ => RawFrame.Build(RawFrame.Text, messages[i]),
                    };
                    wire.AddRange(frame);
                }

                ReadAll([.. wire], piece);
            },
            iter: Cases);
    }

    [Theory]
    [InlineData("depth")]
    [InlineData("members")]
    [InlineData("nested members")]
    [InlineData("one long string")]
    [InlineData("escapes")]
    [InlineData("one long number")]
    [InlineData("empty arrays")]
    public void Parse_TheCostliestMessages_TakesMilliseconds(string what)
    {
        const int Size = Limits.MaxMessageBytes - 100;
        var inner = what switch
        {
            "depth" => new string('[', Size),
            "members" => $"{{{string.Join(',', Enumerable.Range(0, Size / 9).Select(i => $"\"{i:x5}\":0"))}}}",
            "nested members" => string.Concat(Enumerable.Range(0, 25).Select(_ => "{\"a\":")) + "0" + new string('}', 25),
            "one long string" => $"\"{new string('x', Size)}\"",
            "escapes" => $"\"{string.Concat(Enumerable.Repeat("\\u00e9", Size / 6))}\"",
            "one long number" => new string('9', Size),
            _ => $"[{string.Join(',', Enumerable.Repeat("[]", Size / 3))}]",
        };
        var message = Encoding.UTF8.GetBytes($"{{\"event\":\"report_issue\",\"data\":{{\"issue_type\":\"lag\",\"severity\":\"low\",\"client_info\":{{\"x\":{inner}}}}}}}");
        ClientMessageParser.Parse(message);
        var best = Enumerable.Range(0, 5).Min(_ =>
        {
            var started = Stopwatch.GetTimestamp();
            Assert.IsType<ClientMessage>(ClientMessageParser.Parse(message), exactMatch: false);
            return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        });
        output.WriteLine($"{what}: {message.Length:N0} bytes in {best:F2} ms");
        Assert.True(best < 50, $"{best:F1} ms");
    }

    private static byte[] Mutate(string[] pieces, int at)
    {
        var message = Encoding.UTF8.GetBytes($"{{\"event\":\"report_issue\",\"data\":{{\"issue_type\":\"lag\",\"severity\":\"low\",{string.Join(',', pieces)}}}}}");
        message[message.Length * at / 5] ^= (byte)(1 << at);
        return message;
    }

    private static void ReadAll(byte[] wire, int piece)
    {
        var reader = default(FrameReader);
        try
        {
            for (var (from, to) = (0, 0); to < wire.Length;)
            {
                to = Math.Min(wire.Length, to + piece);
                var input = new ReadOnlySequence<byte>(wire, from, to - from);
                for (var received = reader.Read(ref input); received != Received.Nothing; received = reader.Read(ref input))
                {
                    if (received == Received.Text)
                    {
                        ClientMessageParser.Parse(reader.Message);
                    }
                    else if (received is Received.Violation or Received.Close)
                    {
                        return;
                    }
                }

                from = to - (int)input.Length;
            }
        }
        finally
        {
            reader.Release();
        }
    }
}
