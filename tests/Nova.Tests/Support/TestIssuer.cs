using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace Nova.Tests.Support;

/// <summary>An OpenID Connect issuer on a real port, with discovery, a key set that can change, and injectable faults.</summary>
public sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<JsonWebKey> _published = [];
    private int _requests;

    private TestIssuer(WebApplication app)
    {
        _app = app;
        app.MapGet("/.well-known/openid-configuration", () => Results.Json(new { issuer = Address, jwks_uri = $"{Address}/keys" }));
        app.MapGet("/keys", AnswerAsync);
    }

    public string Address { get; private set; } = "";

    public string JwksAddress => $"{Address}/keys";

    /// <summary>The number of requests for the key set.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Replaces the response with the key set; null means no fault.</summary>
    public Func<Task<IResult>>? Fault { get; set; }

    public static async Task<TestIssuer> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        var issuer = new TestIssuer(builder.Build());
        await issuer._app.StartAsync();
        issuer.Address = issuer._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return issuer;
    }

    /// <summary>Adds a new RS256 signing key to the published key set.</summary>
    public SigningCredentials AddRsaKey(string keyId, int bits = 2048) => Add(new RsaSecurityKey(RSA.Create(bits)) { KeyId = keyId }, SecurityAlgorithms.RsaSha256);

    public SigningCredentials AddEcKey(string keyId, string algorithm = SecurityAlgorithms.EcdsaSha256) =>
        Add(new ECDsaSecurityKey(ECDsa.Create(algorithm == SecurityAlgorithms.EcdsaSha256 ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384)) { KeyId = keyId }, algorithm);

    /// <summary>Publishes any key, including one that does not belong in a public key set.</summary>
    public void Publish(JsonWebKey key) => _published.Add(key);

    public void Withdraw(string keyId) => _published.RemoveAll(key => key.Kid == keyId);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private SigningCredentials Add(AsymmetricSecurityKey key, string algorithm)
    {
        _published.Add(PublicPart(key));
        return new SigningCredentials(key, algorithm);
    }

    private static JsonWebKey PublicPart(AsymmetricSecurityKey key)
    {
        if (key is RsaSecurityKey rsa)
        {
            var numbers = rsa.Rsa.ExportParameters(false);
            return new JsonWebKey { Kty = "RSA", Kid = key.KeyId, Use = "sig", N = Base64UrlEncoder.Encode(numbers.Modulus), E = Base64UrlEncoder.Encode(numbers.Exponent) };
        }

        var point = ((ECDsaSecurityKey)key).ECDsa.ExportParameters(false);
        var curve = point.Q.X!.Length == 32 ? "P-256" : "P-384";
        return new JsonWebKey { Kty = "EC", Kid = key.KeyId, Use = "sig", Crv = curve, X = Base64UrlEncoder.Encode(point.Q.X), Y = Base64UrlEncoder.Encode(point.Q.Y) };
    }

    private async Task<IResult> AnswerAsync()
    {
        Interlocked.Increment(ref _requests);
        return Fault is { } fault ? await fault() : Results.Text(
            JsonSerializer.Serialize(new { keys = _published.Select(key => new { kty = key.Kty, kid = key.Kid, use = key.Use, n = key.N, e = key.E, crv = key.Crv, x = key.X, y = key.Y, k = key.K }) }),
            "application/json");
    }
}
