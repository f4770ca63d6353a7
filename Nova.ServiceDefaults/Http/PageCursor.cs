using System.Buffers.Binary;
using System.Buffers.Text;

namespace Nova.ServiceDefaults.Http;

/// <summary>Where a page ended: the time and id of its last row. Opaque to clients, and safe against rows that arrive meanwhile.</summary>
public readonly record struct PageCursor(DateTimeOffset Time, Guid Id)
{
    private const int Length = 24;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Time.UtcTicks);
        Id.TryWriteBytes(bytes[8..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>The <c>cursor</c> query parameter; absent is null.</summary>
    public static PageCursor? Read(string? value, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[Length];
        if (value.Length == 32 && Base64Url.TryDecodeFromChars(value, bytes, out var written) && written == Length
            && BinaryPrimitives.ReadInt64BigEndian(bytes) is >= 0 and var ticks && ticks <= DateTime.MaxValue.Ticks)
        {
            return new(new DateTimeOffset(ticks, TimeSpan.Zero), new Guid(bytes[8..], bigEndian: true));
        }

        errors.Add("cursor", "must be a next_cursor that this list returned");
        return null;
    }
}
