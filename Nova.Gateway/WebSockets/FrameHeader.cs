using System.Buffers.Binary;

namespace Nova.Gateway.WebSockets;

/// <summary>The head of a frame from a client, RFC 6455 5.2. Each rule is checked as soon as its byte is there.</summary>
/// <remarks>
/// <code>
///  byte 0           byte 1          0, 2 or 8 bytes              4 bytes
/// +-+---+--------+ +-+-----------+ +--------------------------+ +-------------+
/// |F|RSV| opcode | |M| length    | | length, if 126 or 127    | | masking key |
/// |1| 3 |   4    | |1|    7      | | big-endian, the shortest | |             |
/// +-+---+--------+ +-+-----------+ +--------------------------+ +-------------+
/// </code>
/// </remarks>
internal readonly record struct FrameHeader(bool IsFinal, Opcode Opcode, long Length, uint Mask)
{
    public const int MaxBytes = 14;

    private const int MaxControlPayload = 125;
    private const int MaskBytes = 4;

    public bool IsControl => Opcode >= Opcode.Close;

    /// <param name="size">Bytes of the header; 0 while more are needed.</param>
    /// <returns>What is wrong with the frame; null for nothing so far.</returns>
    public static string? Read(ReadOnlySpan<byte> bytes, out FrameHeader header, out int size)
    {
        header = default;
        size = 0;
        if (bytes.IsEmpty)
        {
            return null;
        }

        var isFinal = (bytes[0] & 0x80) != 0;
        var opcode = (Opcode)(bytes[0] & 0x0F);
        if ((bytes[0] & 0x70) != 0)
        {
            return "reserved bits must be 0"; // No extension is ever negotiated.
        }

        if (opcode is not (Opcode.Continuation or Opcode.Text or Opcode.Binary or Opcode.Close or Opcode.Ping or Opcode.Pong))
        {
            return "reserved opcode";
        }

        var isControl = opcode >= Opcode.Close;
        if (isControl && !isFinal)
        {
            return "control frames cannot be fragmented";
        }

        return bytes.Length == 1 ? null : ReadLength(bytes, new FrameHeader(isFinal, opcode, 0, 0), out header, out size);
    }

    private static string? ReadLength(ReadOnlySpan<byte> bytes, FrameHeader start, out FrameHeader header, out int size)
    {
        header = default;
        size = 0;
        if ((bytes[1] & 0x80) == 0)
        {
            return "frames from a client must be masked";
        }

        var shortLength = bytes[1] & 0x7F;
        if (start.IsControl && shortLength > MaxControlPayload)
        {
            return "control frames have at most 125 bytes";
        }

        var lengthBytes = shortLength switch { 126 => 2, 127 => 8, _ => 0 };
        if (bytes.Length < 2 + lengthBytes)
        {
            return null;
        }

        var length = lengthBytes switch
        {
            0 => (ulong)shortLength,
            2 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            _ => BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
        };
        if ((lengthBytes == 2 && length < 126) || (lengthBytes == 8 && length <= ushort.MaxValue))
        {
            return "lengths must take the fewest bytes";
        }

        if (length > long.MaxValue)
        {
            return "the most significant bit of a length must be 0";
        }

        // A declared length is judged without waiting for the mask: 1 TiB is too much already.
        header = start with { Length = (long)length };
        if (bytes.Length >= 2 + lengthBytes + MaskBytes)
        {
            size = 2 + lengthBytes + MaskBytes;
            header = header with { Mask = BitConverter.ToUInt32(bytes[(2 + lengthBytes)..]) };
        }

        return null;
    }
}
