using System.Text.RegularExpressions;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>
/// A server as most platforms hand it out: <c>scheme://user:password@host:port/path?name=value</c>. Parsed here because <see cref="Uri"/> takes
/// neither the several hosts of a PostgreSQL URL nor an underscore in a host's name.
/// </summary>
/// <param name="Hosts">As written, with ports; commas between several.</param>
internal sealed partial record ConnectionUrl(
    string Scheme, string? User, string? Password, string Hosts, string Path, IReadOnlyList<(string Name, string Value)> Query)
{
    public static bool IsUrl(string text) => SchemePrefix().IsMatch(text);

    /// <returns>Null where a character of the user, the password or another part should have been percent-encoded and was not.</returns>
    public static ConnectionUrl? Parse(string text)
    {
        var scheme = SchemePrefix().Match(text);
        var rest = text[scheme.Length..];
        var endOfAuthority = rest.AsSpan().IndexOfAny('/', '?') is var end && end >= 0 ? end : rest.Length;
        var (authority, tail) = (rest[..endOfAuthority], rest[endOfAuthority..]);
        if (tail.Contains('@') || rest.Contains('#') || authority.Count(c => c == '@') > 1 || BarePercentSign().IsMatch(rest))
        {
            return null;
        }

        var (login, hosts) = authority.Split('@') is [var before, var after] ? (before, after) : (null, authority);
        var (path, query) = tail.Split('?', 2) is [var first, var second] ? (first, second) : (tail, "");
        var (user, password) = login?.Split(':', 2) is [var name, var secret] ? (name, secret) : (login, null);
        return new ConnectionUrl(
            scheme.Groups[1].Value.ToLowerInvariant(), Decode(user), Decode(password), Uri.UnescapeDataString(hosts), Uri.UnescapeDataString(path.TrimStart('/')),
            [.. query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
                .Select(pair => (Uri.UnescapeDataString(pair[0]), Uri.UnescapeDataString(pair.ElementAtOrDefault(1) ?? "")))]);
    }

    /// <summary>The one host and its port, where there is one.</summary>
    public (string Host, int? Port)? SingleHost() =>
        HostAndPort().Match(Hosts) is not { Success: true } match ? null
        : match.Groups["port"].Value is not { Length: > 0 } port ? (match.Groups["host"].Value, null)
        : int.TryParse(port, out var number) && number is > 0 and <= 65_535 ? (match.Groups["host"].Value, number)
        : null;

    private static string? Decode(string? text) => string.IsNullOrEmpty(text) ? null : Uri.UnescapeDataString(text);

    [GeneratedRegex(@"^([A-Za-z][A-Za-z0-9+.-]*)://")]
    private static partial Regex SchemePrefix();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})")]
    private static partial Regex BarePercentSign();

    [GeneratedRegex(@"^(\[(?<host>[0-9A-Fa-f:.%]+)\]|(?<host>[^:,\[\]\s]+))(:(?<port>\d{1,5}))?$")]
    private static partial Regex HostAndPort();
}
