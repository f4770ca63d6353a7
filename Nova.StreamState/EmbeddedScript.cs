namespace Nova.StreamState;

internal static class EmbeddedScript
{
    /// <summary>An embedded <c>.lua</c> file of this service, by its file name.</summary>
    public static string Read(string fileName)
    {
        using var stream = typeof(EmbeddedScript).Assembly.GetManifestResourceStream(fileName)
            ?? throw new InvalidOperationException($"{fileName} is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
