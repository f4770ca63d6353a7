using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;

namespace Nova.AppHost.Tests.Deployment;

/// <summary>Builds the images' archives once. Wants Debian's <c>docker-registry</c>: the SDK takes the image that it builds upon from a registry only.</summary>
public sealed class ImageArchives : IAsyncLifetime
{
    public const string Program = "docker-registry";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nova-images-");
    private Process? _registry;

    public static bool CanBuild => Command.IsInstalled(Program);

    public string PathOf(string image) => Path.Combine(_folder.FullName, "archives", $"{image}.tar.gz");

    public async ValueTask InitializeAsync()
    {
        if (!CanBuild)
        {
            return; // The tests skip themselves; here it would be a failure of each.
        }

        var port = FreePort();
        var config = Path.Combine(_folder.FullName, "registry.yml");
        await File.WriteAllTextAsync(
            config, $"{{ version: 0.1, storage: {{ filesystem: {{ rootdirectory: {_folder.FullName}/registry }} }}, http: {{ addr: '127.0.0.1:{port}' }} }}");
        _registry = Process.Start(new ProcessStartInfo(Program, ["serve", config]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _registry.OutputDataReceived += (_, _) => { };
        _registry.ErrorDataReceived += (_, _) => { };
        _registry.BeginOutputReadLine();
        _registry.BeginErrorReadLine();
        await PushEmptyImageAsync(new Uri($"http://localhost:{port}"));
        (await Command.RunAsync(
            Command.Root,
            new Dictionary<string, string> { ["ContainerBaseImage"] = $"localhost:{port}/empty:1" },
            "dotnet",
            "build", "deploy/Images.proj", "-v", "q", $"-p:ContainerArchiveOutputPath={_folder.FullName}/archives/")).Succeeds();
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
        {
            _registry.Kill();
            await _registry.WaitForExitAsync();
            _registry.Dispose();
        }

        _folder.Delete(recursive: true);
    }

    /// <summary>As Microsoft's images for ASP.NET Core say where to listen; nothing else of theirs matters for what is built upon it.</summary>
    private static async Task PushEmptyImageAsync(Uri registry)
    {
        using var http = new HttpClient { BaseAddress = registry };
        await WaitForAsync(http);
        var (layer, contentDigest) = EmptyLayer();
        var config = JsonSerializer.SerializeToUtf8Bytes(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { Env = new[] { "PATH=/usr/bin", "ASPNETCORE_HTTP_PORTS=8080" } },
            rootfs = new { type = "layers", diff_ids = new[] { contentDigest } },
        });
        await PushBlobAsync(http, layer);
        await PushBlobAsync(http, config);
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            mediaType = "application/vnd.docker.distribution.manifest.v2+json",
            config = new { mediaType = "application/vnd.docker.container.image.v1+json", size = config.Length, digest = Digest(config) },
            layers = new[] { new { mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip", size = layer.Length, digest = Digest(layer) } },
        });
        using var content = new ByteArrayContent(manifest) { Headers = { ContentType = new("application/vnd.docker.distribution.manifest.v2+json") } };
        using var answer = await http.PutAsync("/v2/empty/manifests/1", content);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    private static async Task PushBlobAsync(HttpClient http, byte[] blob)
    {
        using var begun = await http.PostAsync("/v2/empty/blobs/uploads/", null);
        Assert.Equal(HttpStatusCode.Accepted, begun.StatusCode);
        var upload = new UriBuilder(new Uri(http.BaseAddress!, begun.Headers.Location!));
        upload.Query = $"{upload.Query.TrimStart('?')}&digest={Uri.EscapeDataString(Digest(blob))}";
        using var content = new ByteArrayContent(blob) { Headers = { ContentType = new("application/octet-stream") } };
        using var ended = await http.PutAsync(upload.Uri, content);
        Assert.Equal(HttpStatusCode.Created, ended.StatusCode);
    }

    private static (byte[] Layer, string ContentDigest) EmptyLayer()
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "app/"));
        }

        using var layer = new MemoryStream();
        using (var zip = new GZipStream(layer, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(tar.ToArray());
        }

        return (layer.ToArray(), Digest(tar.ToArray()));
    }

    private static async Task WaitForAsync(HttpClient http)
    {
        using var deadline = new CancellationTokenSource(GatewayApi.Patience);
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync("/v2/", deadline.Token);
                return;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(50, deadline.Token);
            }
        }
    }

    private static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
