using System.Numerics;
using System.Runtime.InteropServices;

namespace Nova.Gateway.WebSockets;

internal static class Masking
{
    /// <summary>Exclusive or with the key, a vector at a time (RFC 6455 5.3).</summary>
    /// <param name="mask">The four key bytes as they were sent.</param>
    /// <returns>The key for what follows these bytes in the same frame.</returns>
    public static uint Apply(Span<byte> bytes, uint mask)
    {
        var done = 0;
        if (bytes.Length >= Vector<byte>.Count)
        {
            var key = Vector.AsVectorByte(new Vector<uint>(mask));
            foreach (ref var part in MemoryMarshal.Cast<byte, Vector<byte>>(bytes))
            {
                part ^= key;
            }

            done = bytes.Length - (bytes.Length % Vector<byte>.Count);
        }

        var keyBytes = MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in mask));
        for (var i = done; i < bytes.Length; i++)
        {
            bytes[i] ^= keyBytes[i % sizeof(uint)];
        }

        var turn = 8 * (bytes.Length % sizeof(uint));
        return BitConverter.IsLittleEndian ? BitOperations.RotateRight(mask, turn) : BitOperations.RotateLeft(mask, turn);
    }
}
