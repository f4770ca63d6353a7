using System.Numerics;

namespace Nova.LoadTest.Generator;

/// <summary>Bytes kept for later, in an array that only grows: in the steady state nothing is allocated.</summary>
internal struct ByteStore
{
    private const int Smallest = 512;

    private byte[]? _bytes;

    public int Length { get; private set; }

    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        var length = Length + bytes.Length;
        if (length > (_bytes?.Length ?? 0))
        {
            Array.Resize(ref _bytes, Math.Max(Smallest, (int)BitOperations.RoundUpToPowerOf2((uint)length)));
        }

        bytes.CopyTo(_bytes.AsSpan(Length));
        Length = length;
    }

    public void Clear() => Length = 0;
}
