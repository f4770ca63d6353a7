using System.Security.Cryptography;
using System.Text;

namespace Nova.Protocol;

/// <summary>
/// A viewer's public identity (S21): the token's <c>viewer_id</c> claim if it is a UUID, else a UUIDv5 of <c>sub</c>, so that the same
/// account always has the same id and nobody learns the account from it.
/// </summary>
public static class ViewerId
{
    /// <summary>Nova's own namespace for UUIDv5; changing it changes every viewer's id.</summary>
    private static readonly Guid Namespace = new("6f0d3c52-7f0e-4c1b-9a65-0d2f6f1f3b8a");

    public static Guid From(string subject, string? viewerIdClaim = null) =>
        Guid.TryParseExact(viewerIdClaim, "D", out var id) ? id : NameBased(subject);

    /// <summary>RFC 9562 5.5. SHA-1 is what version 5 is made of; nothing secret depends on it.</summary>
    private static Guid NameBased(string name)
    {
        var nameBytes = Encoding.UTF8.GetByteCount(name);
        var input = new byte[16 + nameBytes];
        Namespace.TryWriteBytes(input, bigEndian: true, out _);
        Encoding.UTF8.GetBytes(name, input.AsSpan(16));

        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // Version 5 is defined with SHA-1
        SHA1.HashData(input, hash);
#pragma warning restore CA5350
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
