namespace Nova.Standalone;

/// <summary>How to put Nova together in one process.</summary>
public sealed record StackOptions
{
    /// <summary>Port of the first gateway; the others follow. 0 takes free ports.</summary>
    public int Port { get; init; }

    public int Gateways { get; init; } = 1;

    /// <summary>Holds the database and the signing key; used by one process at a time.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Configuration of every service, over what the stack itself sets.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>();
}
