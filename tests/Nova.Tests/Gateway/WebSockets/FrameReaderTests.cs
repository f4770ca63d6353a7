using System.Buffers;
using System.Text;
using CsCheck;
using Nova.Gateway.WebSockets;
using Nova.Protocol;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>
/// The reader against made-up input: what it reads depends on the bytes alone, never on the pieces they come in. The tables of what is
/// allowed are in AutobahnTests, against the running gateway.
/// </summary>
public sealed class FrameReaderTests
{
    private static readonly Gen<byte[]> Text = Gen.String[Gen.Char.AlphaNumeric, 0, 300].Select(text => Encoding.UTF8.GetBytes(text));

    /// <summary>Texts of one to four bytes a character, so that cuts fall inside of them.</summary>
    private static readonly Gen<byte[]> Unicode =
        Gen.OneOf("a", "é", "€", "😀", "\u0000", "\uFFFD").Array[0, 80].Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts)));

    private static readonly Gen<byte[]> Frame = Gen.Select(
        Gen.Bool, Gen.OneOf(0, 1, 1, 1, 2, 3, 8, 9, 9, 10, 11), Gen.OneOf<byte[]>(Text, Unicode, Gen.Byte.Array[0, 200]), Gen.UInt, Gen.Int[0, 40],
        (isFinal, opcode, payload, mask, odd) => Damage(ClientFrame(isFinal || opcode >= 8, opcode, payload, mask), odd));

    private static readonly Gen<int[]> Cuts = Gen.Int[1, 64].Array[1, 20];

    [Fact]
    public void Read_ValidMessagesInAnyFragmentsAndPieces_ComeOutAsTheyWere()
    {
        Gen.Select(Gen.OneOf<byte[]>(Text, Unicode).Array[1, 5], Gen.Int[1, 9], Gen.Byte.Array[0, 125], Gen.UInt, Cuts).Sample(
            (messages, fragment, ping, mask, cuts) =>
            {
                List<byte> wire = [];
                List<string> expected = [];
                foreach (var message in messages)
                {
                    for (var at = 0; at == 0 || at < message.Length; at += fragment)
                    {
                        var isLast = at + fragment >= message.Length;
                        wire.AddRange(ClientFrame(isLast, at == 0 ? 1 : 0, message.AsSpan(at, Math.Min(fragment, message.Length - at)), mask));
                        if (!isLast)
                        {
                            wire.AddRange(ClientFrame(true, 9, ping, mask ^ 0x5A));
                            expected.Add($"Ping {Convert.ToHexString(ping)}");
                        }
                    }

                    expected.Add($"Text {Convert.ToHexString(message)}");
                }

                Assert.Equal(expected, ReadAll([.. wire], cuts));
            },
            iter: 2000);
    }

    /// <summary>Was: closed with 1009, since the ping's bytes were counted as the message's.</summary>
    [Fact]
    public void Read_APingInsideAMessageThatIsNearlyFull_IsAPing()
    {
        var message = new byte[Limits.MaxMessageBytes];
        message.AsSpan().Fill((byte)'a');
        List<byte> wire = [];
        for (var at = 0; at < message.Length - 1; at += 32_768)
        {
            wire.AddRange(ClientFrame(false, at == 0 ? 1 : 0, message.AsSpan(at, Math.Min(32_768, message.Length - 1 - at)), 7));
        }

        wire.AddRange(ClientFrame(true, 9, new byte[125], 7));
        wire.AddRange(ClientFrame(true, 0, "a"u8, 7));
        Assert.Equal([$"Ping {new string('0', 250)}", $"Text {Convert.ToHexString(message)}"], ReadAll([.. wire], [64 * 1024]));
    }

    [Fact]
    public void Read_AnyBytesInAnyPieces_GiveTheSame_AndNeverThrow()
    {
        Gen.Select(Frame.Array[1, 8], Cuts).Sample(
            (frames, cuts) =>
            {
                byte[] wire = [.. frames.SelectMany(frame => frame)];
                Assert.Equal(ReadAll(wire, [wire.Length + 1]), ReadAll(wire, cuts));
                Assert.Equal(ReadAll(wire, [wire.Length + 1]), ReadAll(wire, [1]));
            },
            iter: 20_000);
    }

    [Fact]
    public void Read_Noise_NeverThrows()
    {
        Gen.Select(Gen.Byte.Array[0, 600], Cuts).Sample((wire, cuts) => ReadAll(wire, cuts), iter: 20_000);
    }

    [Theory]
    [InlineData(Limits.MaxMessageBytes, null)]
    [InlineData(Limits.MaxMessageBytes + 1L, 1009)]
    [InlineData(1L << 40, 1009)]
    [InlineData(long.MaxValue, 1009)]
    [InlineData(long.MinValue, 1002)]
    public void Read_DeclaredLength_IsJudgedBeforeTheMaskHasCome(long length, int? code)
    {
        byte[] header = [0x81, 0xFF, .. BitConverter.GetBytes(length).Reverse()];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var read = ReadAll(header, [100]);
        Assert.Equal(code is null ? [] : new[] { $"Violation {code}" }, read);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024); // Strings of the test itself; the smallest of the buffers would be four times that.
    }

    private static List<string> ReadAll(byte[] wire, int[] cuts)
    {
        var reader = default(FrameReader);
        List<string> read = [];
        List<byte[]> pieces = [];
        var (at, cut) = (0, 0);
        while (at < wire.Length)
        {
            var piece = wire.AsSpan(at, Math.Min(cuts[cut++ % cuts.Length], wire.Length - at)).ToArray();
            at += piece.Length;
            pieces.Add(piece);
            var input = Sequence(pieces);
            for (var received = reader.Read(ref input); received != Received.Nothing; received = reader.Read(ref input))
            {
                read.Add(received switch
                {
                    Received.Text => $"Text {Convert.ToHexString(reader.Message.Span)}",
                    Received.Ping => $"Ping {Convert.ToHexString(reader.PingPayload)}",
                    Received.Violation => $"Violation {(int)reader.Violation.Code}",
                    _ => received.ToString(),
                });
                if (received is Received.Close or Received.Violation)
                {
                    reader.Release();
                    return read;
                }
            }

            pieces = input.IsEmpty ? [] : [input.ToArray()];
        }

        reader.Release();
        return read;
    }

    private static byte[] ClientFrame(bool isFinal, int opcode, ReadOnlySpan<byte> payload, uint mask)
    {
        var key = BitConverter.GetBytes(mask);
        byte[] head = payload.Length < 126 ? [(byte)(0x80 | payload.Length)] : [0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length];
        var masked = payload.ToArray();
        for (var i = 0; i < masked.Length; i++)
        {
            masked[i] ^= key[i % 4];
        }

        return [(byte)((isFinal ? 0x80 : 0) | opcode), .. head, .. key, .. masked];
    }

    /// <summary>One frame in ten has a byte of its first bytes changed.</summary>
    private static byte[] Damage(byte[] frame, int odd)
    {
        if (odd < 4)
        {
            frame[odd % frame.Length] ^= (byte)(1 << (odd * 3 % 8));
        }

        return frame;
    }

    private static ReadOnlySequence<byte> Sequence(List<byte[]> pieces)
    {
        var first = new Segment(pieces[0], null);
        var last = first;
        foreach (var piece in pieces.Skip(1))
        {
            last = new Segment(piece, last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
