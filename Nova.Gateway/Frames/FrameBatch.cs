using System.Buffers;
using System.Runtime.InteropServices;

namespace Nova.Gateway.Frames;

/// <summary>
/// The frames a room's viewers get next, one behind the other in one buffer: whatever came while the last pass over the viewers was under
/// way costs each viewer one write. Frames are numbered through the room's life; a viewer takes those after the one it joined at.
/// </summary>
internal sealed class FrameBatch
{
    /// <summary>Beyond this a merged write saves little, and a viewer's kernel buffer could not take it whole.</summary>
    private const int MaxBytes = 32 * 1024;

    private readonly ArrayBufferWriter<byte> _merged = new();
    private readonly List<PreparedFrame> _frames = [];
    private readonly List<int> _ends = [];
    private long _last;

    public ReadOnlySpan<PreparedFrame> Frames => CollectionsMarshal.AsSpan(_frames);

    public bool IsEmpty => _frames.Count == 0;

    public bool IsFull => _merged.WrittenCount >= MaxBytes;

    public void Add(PreparedFrame frame, long number)
    {
        _merged.Write(frame.Bytes.Span);
        _frames.Add(frame);
        _ends.Add(_merged.WrittenCount);
        _last = number;
    }

    public void Clear()
    {
        _merged.ResetWrittenCount();
        _frames.Clear();
        _ends.Clear();
    }

    /// <summary>Index of the first frame numbered above this one; the number of frames where there is none.</summary>
    public int FirstAfter(long number) => (int)Math.Clamp(number - (_last - _frames.Count), 0, _frames.Count);

    /// <summary>The bytes from that frame on.</summary>
    public ReadOnlySpan<byte> From(int first) => _merged.WrittenSpan[StartOf(first)..];

    /// <summary>The frame which the byte at this distance from the start of <paramref name="first"/> belongs to, and its offset in there.</summary>
    public (int Index, int Offset) Locate(int first, int distance)
    {
        var at = StartOf(first) + distance;
        var index = first;
        while (_ends[index] <= at)
        {
            index++;
        }

        return (index, at - StartOf(index));
    }

    private int StartOf(int index) => index == 0 ? 0 : _ends[index - 1];
}
