namespace Nova.Client.Publishing;

/// <summary>An address with those parameters that have a value.</summary>
internal readonly record struct Query(string Address)
{
    public Query Add(string name, string? value) =>
        value is null ? this : new($"{Address}{(Address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{name}={Uri.EscapeDataString(value)}");

    public string With(string name, string? value) => Add(name, value).Address;
}
