using System.Globalization;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Nova.StreamState.Streams;

/// <summary>The <c>If-Match</c> header, RFC 9110 13.1.1: <c>*</c> or entity tags, in one line or several.</summary>
internal readonly record struct IfMatch(IReadOnlyList<string>? Tags)
{
    /// <returns>False for what is no list of entity tags.</returns>
    public static bool TryRead(StringValues header, out IfMatch condition)
    {
        condition = default;
        if (header.Count == 0)
        {
            return true;
        }

        if (!EntityTagHeaderValue.TryParseStrictList([.. header.OfType<string>()], out var tags) || tags.Count == 0)
        {
            return false;
        }

        // A weak tag never matches here (RFC 9110 8.8.3.2); a proxy that compresses makes a strong one weak.
        condition = tags.Contains(EntityTagHeaderValue.Any) ? default : new IfMatch([.. tags.Where(tag => !tag.IsWeak).Select(tag => tag.Tag.ToString())]);
        return true;
    }

    public static string TagOf(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    public bool Allows(long version) => Tags is null || Tags.Contains(TagOf(version));
}
