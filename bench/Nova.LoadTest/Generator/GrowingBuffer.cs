using System.Numerics;

namespace Nova.LoadTest.Generator;

/// <summary>A byte buffer whose array only grows, so that the steady state allocates nothing.</summary>
internal struct GrowingBuffer
{
    private const int MinCapacity = 512;

    private byte[]? _bytes;

    public int Length { get; private set; }

    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        var length = Length + bytes.Length;
        if (length > (_bytes?.Length ?? 0))
        {
            Array.Resize(ref _bytes, Math.Max(MinCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)length)));
        }

        bytes.CopyTo(_bytes.AsSpan(Length));
        Length = length;
    }

    public void Clear() => Length = 0;
}
