namespace Nova.Standalone;

/// <summary>Options for Nova in one process.</summary>
public sealed record StackOptions
{
    /// <summary>Port of the first gateway; the others take the following ports. 0 takes free ports.</summary>
    public int Port { get; init; }

    public int Gateways { get; init; } = 1;

    /// <summary>Folder for the database and the signing key; one process at a time can use it.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Settings for every service; they override the stack's own settings.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>();
}
