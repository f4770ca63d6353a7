using System.Buffers.Binary;

namespace Nova.LoadTest.Generator;

/// <summary>A WebSocket frame from a server: unmasked, with a header of 2, 4 or 10 bytes.</summary>
internal readonly ref struct ServerFrame
{
    public const byte Continuation = 0x0;
    public const byte Text = 0x1;
    public const byte Ping = 0x9;

    private ServerFrame(byte first, ReadOnlySpan<byte> payload, int totalLength)
    {
        Opcode = (byte)(first & 0x0F);
        Final = (first & 0x80) != 0;
        Payload = payload;
        TotalLength = totalLength;
    }

    public byte Opcode { get; }

    public bool Final { get; }

    public ReadOnlySpan<byte> Payload { get; }

    public int TotalLength { get; }

    /// <summary>Removes the next frame from <paramref name="data"/> if it is complete.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> data, out ServerFrame frame)
    {
        frame = default;
        if (data.Length < 2)
        {
            return false;
        }

        var (header, length) = (data[1] & 0x7F) switch
        {
            126 => data.Length < 4 ? (4, long.MaxValue) : (4, BinaryPrimitives.ReadUInt16BigEndian(data[2..])),
            127 => data.Length < 10 ? (10, long.MaxValue) : (10, BinaryPrimitives.ReadInt64BigEndian(data[2..])),
            var small => (2, small),
        };
        if (data.Length - header < length)
        {
            return false;
        }

        frame = new ServerFrame(data[0], data.Slice(header, (int)length), header + (int)length);
        data = data[frame.TotalLength..];
        return true;
    }
}
