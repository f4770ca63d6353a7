using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Nova.AppHost.Tests.Deployment;

/// <summary><c>deploy/compose.yaml</c> on the container engine of this machine, with images built from this source. All of it is gone afterwards.</summary>
public sealed class ComposeNova : IAsyncLifetime
{
    private readonly string _project = $"nova-test-{Environment.ProcessId}";
    private readonly byte[] _signingKey = RandomNumberGenerator.GetBytes(32);
    private readonly Dictionary<string, string> _environment = [];
    private string[] _compose = [];

    public Uri Address { get; private set; } = null!;

    public GatewayApi Api { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (!NovaApplication.HasContainers)
        {
            return; // The tests skip themselves; here it would be a failure of each.
        }

        _compose = (await DockerAsync("compose", "version")).ExitCode == 0 ? ["docker", "compose"] : ["docker-compose"];
        Address = new Uri($"http://127.0.0.1:{FreePort()}");
        Api = new GatewayApi(Address, TokenFor);
        _environment["NOVA_PORT"] = $"{Address.Port}";
        _environment["NOVA_TAG"] = _project;
        _environment["JWT_SIGNING_KEY"] = Convert.ToBase64String(_signingKey);
        _environment["INTERNAL_API_KEY"] = RandomNumberGenerator.GetHexString(32);
        _environment["POSTGRES_PASSWORD"] = RandomNumberGenerator.GetHexString(32);
        (await Command.RunAsync(Command.Root, "dotnet", "build", "deploy/Images.proj", "-v", "q", $"-p:ContainerImageTag={_project}")).Succeeds();
        (await ComposeAsync("up", "-d")).Succeeds();
        using var http = new HttpClient { BaseAddress = Address };
        await GatewayApi.EventuallyAsync(async () => (await http.GetAsync("/health")).EnsureSuccessStatusCode(), "the balancer reaches a gateway");
    }

    /// <summary>Ids of a service's containers that run.</summary>
    public async Task<IReadOnlyList<string>> ContainersAsync(string service) =>
        [.. (await DockerAsync("ps", "-q", "--filter", $"label=com.docker.compose.project={_project}", "--filter", $"label=com.docker.compose.service={service}"))
            .Succeeds().Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <param name="format">Go template over what the engine knows of a container.</param>
    public async Task<string> InspectAsync(string container, string format) => (await DockerAsync("inspect", "--format", format, container)).Succeeds().Trim();

    public Task<Command> DockerAsync(params string[] arguments) => Command.RunAsync(Command.Root, "docker", arguments);

    public Task<Command> ComposeAsync(params string[] arguments) => Command.RunAsync(
        Command.Root, _environment, _compose[0], [.. _compose[1..], "-p", _project, "-f", ComposeFile.Path, .. arguments]);

    public async ValueTask DisposeAsync()
    {
        if (_compose.Length > 0)
        {
            await ComposeAsync("down", "--volumes", "--rmi", "local", "--timeout", "10");
            await DockerAsync(["rmi", .. new[] { "gateway", "stream-state", "telemetry" }.Select(service => $"nova-{service}:{_project}")]);
        }
    }

    /// <summary>In Production Nova hands out no tokens: whoever knows the key signs them.</summary>
    private string TokenFor(string role)
    {
        var claims = new { iss = "nova", aud = "nova", sub = $"{role}-{Guid.NewGuid():N}", role, exp = DateTimeOffset.UtcNow.AddMinutes(10).ToUnixTimeSeconds() };
        if (role == "broadcaster")
        {
            claims = claims with { sub = role }; // The same for every call: a stream is its broadcaster's.
        }

        var text = $"{Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{text}.{Base64Url.EncodeToString(HMACSHA256.HashData(_signingKey, Encoding.ASCII.GetBytes(text)))}";
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
