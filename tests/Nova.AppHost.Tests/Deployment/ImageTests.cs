using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;

namespace Nova.AppHost.Tests.Deployment;

/// <summary>The images of <c>deploy/Images.proj</c>, made as archives: what is in them and how they run. Their base is an empty image of a registry on this machine.</summary>
public sealed class ImageTests(ImageArchives archives) : IClassFixture<ImageArchives>
{
    [Theory]
    [InlineData("nova-gateway", "Nova.Gateway")]
    [InlineData("nova-stream-state", "Nova.StreamState")]
    [InlineData("nova-telemetry", "Nova.Telemetry")]
    public async Task Image_RunsItsService_WithoutRights(string image, string program)
    {
        Assert.SkipUnless(ImageArchives.CanBuild, $"{ImageArchives.Program} is not installed (Debian's package of that name).");
        var (config, files) = await ReadAsync(archives.PathOf(image));
        var run = config.GetProperty("config");
        Assert.Equal("1654", run.GetProperty("User").GetString());
        Assert.Equal(["dotnet", $"/app/{program}.dll"], run.GetProperty("Entrypoint").EnumerateArray().Select(part => part.GetString()));
        Assert.Equal(["8080/tcp"], run.GetProperty("ExposedPorts").EnumerateObject().Select(port => port.Name));
        Assert.Contains($"app/{program}.dll", files);
        Assert.DoesNotContain(files, file => file.Contains("Development", StringComparison.Ordinal) || file.EndsWith(".user", StringComparison.Ordinal));
    }

    /// <returns>The image's configuration, and the paths in its layers.</returns>
    private static async Task<(JsonElement Config, IReadOnlySet<string> Files)> ReadAsync(string archive)
    {
        Dictionary<string, byte[]> parts = [];
        await using var file = File.OpenRead(archive); // Not compressed, whatever its name says; its layers are.
        await foreach (var (name, content) in EntriesAsync(file))
        {
            parts[name] = content;
        }

        var manifest = JsonSerializer.Deserialize<JsonElement>(parts["manifest.json"])[0];
        HashSet<string> files = [];
        foreach (var layer in manifest.GetProperty("Layers").EnumerateArray())
        {
            await foreach (var (name, _) in EntriesAsync(new GZipStream(new MemoryStream(parts[layer.GetString()!]), CompressionMode.Decompress)))
            {
                files.Add(name.TrimStart('.', '/'));
            }
        }

        return (JsonSerializer.Deserialize<JsonElement>(parts[manifest.GetProperty("Config").GetString()!]), files);
    }

    private static async IAsyncEnumerable<(string Name, byte[] Content)> EntriesAsync(Stream stream)
    {
        await using var tar = new TarReader(stream);
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            using var content = new MemoryStream();
            await (entry.DataStream?.CopyToAsync(content) ?? Task.CompletedTask);
            yield return (entry.Name, content.ToArray());
        }
    }
}
