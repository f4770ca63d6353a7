using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Nova.Protocol;

namespace Nova.Gateway.WebSockets;

/// <summary>
/// The message that is arriving. Memory follows what has come, never what was announced, and none is held between messages. Text is checked
/// as it comes, so that a bad byte ends the message where it stands.
/// </summary>
internal struct MessageBuffer
{
    private byte[]? _bytes;
    private int _checked;

    public int Length { get; private set; }

    public readonly ReadOnlyMemory<byte> Message => _bytes.AsMemory(0, Length);

    /// <summary>Copies and unmasks; returns the key for what follows in the frame.</summary>
    public uint Append(ReadOnlySequence<byte> payload, uint mask)
    {
        var count = (int)payload.Length;
        Reserve(Length + count);
        var target = _bytes.AsSpan(Length, count);
        payload.CopyTo(target);
        Length += count;
        return Masking.Apply(target, mask);
    }

    /// <param name="isWhole">Whether nothing follows; until then the last character may be unfinished.</param>
    public bool IsUtf8(bool isWhole)
    {
        var fresh = _bytes.AsSpan(_checked, Length - _checked);
        if (!isWhole)
        {
            fresh = fresh[..^Unfinished(fresh)];
        }

        _checked += fresh.Length;
        return Utf8.IsValid(fresh);
    }

    public void Clear()
    {
        if (_bytes is not null)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        this = default;
    }

    /// <summary>How many bytes at the end are the beginning of a character that may still become valid: 0 to 3.</summary>
    private static int Unfinished(ReadOnlySpan<byte> text)
    {
        for (var tail = 1; tail <= Math.Min(3, text.Length); tail++)
        {
            if ((text[^tail] & 0xC0) != 0x80)
            {
                return Rune.DecodeFromUtf8(text[^tail..], out _, out _) == OperationStatus.NeedMoreData ? tail : 0;
            }
        }

        return 0;
    }

    private void Reserve(int length)
    {
        if (_bytes is not null && _bytes.Length >= length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(_bytes is null ? length : Math.Min(Math.Max(length, _bytes.Length * 2), Limits.MaxMessageBytes));
        if (_bytes is not null)
        {
            _bytes.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = larger;
    }
}
