namespace Nova.ServiceDefaults.Http;

public static class Uuid
{
    private const int Length = 36;

    /// <summary>
    /// Reads <c>550e8400-e29b-41d4-a716-446655440000</c>, in either case, and nothing else: the framework would take spaces around it, and a
    /// sign or 0x in each of its groups.
    /// </summary>
    public static bool TryParse(string? text, out Guid id)
    {
        id = default;
        return text?.Length == Length && text.All(c => char.IsAsciiHexDigit(c) || c == '-') && Guid.TryParseExact(text, "D", out id);
    }
}
