using System.Buffers.Binary;
using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>Frames that a viewer sends. RFC 6455 requires a mask; a mask of zeros is valid and needs no XOR.</summary>
internal static class ClientFrame
{
    public const int MaxOverhead = 8;

    private const byte Final = 0x80;
    private const byte Masked = 0x80;
    private const byte Text = 0x1;
    private const byte Close = 0x8;
    private const byte Pong = 0xA;

    /// <summary>The close frame with status 1000 that a leaving viewer sends.</summary>
    public static readonly byte[] NormalClose = [Final | Close, Masked | 2, 0, 0, 0, 0, 0x03, 0xE8];

    public static byte[] OfText(string text)
    {
        var payload = Encoding.UTF8.GetBytes(text);
        var frame = new byte[payload.Length + MaxOverhead];
        return frame[..WriteText(payload, frame)];
    }

    public static int WriteText(ReadOnlySpan<byte> payload, Span<byte> frame) => Write(Text, payload, frame);

    public static int WritePong(ReadOnlySpan<byte> payload, Span<byte> frame) => Write(Pong, payload, frame);

    private static int Write(byte opcode, ReadOnlySpan<byte> payload, Span<byte> frame)
    {
        frame[0] = (byte)(Final | opcode);
        var header = 2;
        if (payload.Length < 126)
        {
            frame[1] = (byte)(Masked | payload.Length);
        }
        else
        {
            frame[1] = Masked | 126;
            BinaryPrimitives.WriteUInt16BigEndian(frame[2..], checked((ushort)payload.Length));
            header = 4;
        }

        frame.Slice(header, 4).Clear();
        payload.CopyTo(frame[(header + 4)..]);
        return header + 4 + payload.Length;
    }
}
