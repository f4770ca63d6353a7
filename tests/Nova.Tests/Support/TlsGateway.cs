using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nova.Gateway;
using Nova.Standalone;

namespace Nova.Tests.Support;

/// <summary>
/// An additional gateway of a stack, with TLS (R2) in Kestrel's own configuration, as a deployment would set it up. It has its own signing key,
/// and <see cref="TokenAsync"/> gets its tokens.
/// </summary>
public sealed class TlsGateway : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DirectoryInfo _folder;

    private TlsGateway(WebApplication app, DirectoryInfo folder)
    {
        _app = app;
        _folder = folder;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    /// <summary>The https address; for WebSockets, replace the scheme with wss.</summary>
    public Uri Address { get; }

    public static async Task<TlsGateway> StartAsync(NovaStack stack)
    {
        var folder = Directory.CreateTempSubdirectory("nova-tls-");
        var certificate = Path.Combine(folder.FullName, "gateway.pfx");
        var password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        await File.WriteAllBytesAsync(certificate, Certificate(password));

        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            EnvironmentName = Environments.Development,
            ContentRootPath = AppContext.BaseDirectory,
        });
        const string Bearer = "Authentication:Schemes:Bearer";
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Kestrel:Endpoints:Wss:Url"] = "https://127.0.0.1:0",
            ["Kestrel:Endpoints:Wss:Protocols"] = "Http1",
            ["Kestrel:Endpoints:Wss:Certificate:Path"] = certificate,
            ["Kestrel:Endpoints:Wss:Certificate:Password"] = password,
            ["ConnectionStrings:redis"] = stack.ConnectionString("redis"),
            ["services:stream-state:http:0"] = stack.StreamState.OriginalString,
            ["services:telemetry:http:0"] = stack.Telemetry.OriginalString,
            [$"{Bearer}:ValidIssuer"] = "nova-tls",
            [$"{Bearer}:ValidAudiences:0"] = "nova",
            [$"{Bearer}:SigningKeys:0:Issuer"] = "nova-tls",
            [$"{Bearer}:SigningKeys:0:Value"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "", // The stack's first gateway exports the telemetry of this process.
        });
        builder.AddGateway();
        var app = builder.Build();
        app.MapGateway();
        await app.StartAsync();
        return new TlsGateway(app, folder);
    }

    /// <summary>Gets a viewer's token from this gateway.</summary>
    public async Task<string> TokenAsync()
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        using var http = new HttpClient(handler) { BaseAddress = Address, Timeout = Api.Patience };
        using var response = await http.PostAsync("/dev/tokens", new StringContent("{}", null, "application/json"));
        return System.Text.Json.JsonElement.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).GetProperty("token").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static byte[] Certificate(string password)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.Export(X509ContentType.Pfx, password);
    }
}
