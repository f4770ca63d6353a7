using System.Buffers.Binary;
using System.Text;
using Nova.Protocol;

namespace Nova.Gateway.WebSockets;

/// <summary>Makes frames to clients: final, unmasked, header and payload in one buffer, so that every viewer can be sent the same bytes.</summary>
internal static class FrameWriter
{
    private const byte Final = 0x80;

    public static byte[] Write(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        var size = HeaderSize(payload.Length);
        var frame = GC.AllocateUninitializedArray<byte>(size + payload.Length);
        frame[0] = (byte)(Final | (int)opcode);
        switch (size)
        {
            case 2:
                frame[1] = (byte)payload.Length;
                break;
            case 4:
                frame[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)payload.Length);
                break;
            default:
                frame[1] = 127;
                BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(2), (ulong)payload.Length);
                break;
        }

        payload.CopyTo(frame.AsSpan(size));
        return frame;
    }

    /// <param name="reason">For people. Cut where it is longer than a control frame holds, at a character's end.</param>
    public static byte[] WriteClose(CloseCode code, string reason)
    {
        Span<byte> payload = stackalloc byte[sizeof(ushort) + Limits.CloseReasonBytes];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        Encoding.UTF8.GetEncoder().Convert(reason, payload[sizeof(ushort)..], flush: true, out _, out var used, out _);
        return Write(Opcode.Close, payload[..(sizeof(ushort) + used)]);
    }

    /// <summary>How many bytes come before a payload of this length.</summary>
    public static int HeaderSize(int payloadLength) => payloadLength switch { < 126 => 2, <= ushort.MaxValue => 4, _ => 10 };
}
