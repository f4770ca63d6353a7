using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>Creates the HS256 tokens that a run's gateways accept.</summary>
internal sealed class NovaTokens
{
    private const string Issuer = "nova-loadtest";
    private const string Audience = "nova";

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12); // Longer than any run, because a gateway closes viewers whose token expires.

    private readonly JsonWebTokenHandler _handler = new();
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly SigningCredentials _credentials;

    public NovaTokens()
    {
        _credentials = new SigningCredentials(new SymmetricSecurityKey(_key), SecurityAlgorithms.HmacSha256);
    }

    /// <summary>The configuration with which services accept these tokens.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Authentication__Schemes__Bearer__ValidIssuer"] = Issuer,
        ["Authentication__Schemes__Bearer__ValidAudiences__0"] = Audience,
        ["Authentication__Schemes__Bearer__SigningKeys__0__Issuer"] = Issuer,
        ["Authentication__Schemes__Bearer__SigningKeys__0__Value"] = Convert.ToBase64String(_key),
    };

    public string Create(string subject, string role) => _handler.CreateToken(new SecurityTokenDescriptor
    {
        Issuer = Issuer,
        Audience = Audience,
        Expires = DateTime.UtcNow + Lifetime,
        Claims = new Dictionary<string, object> { ["sub"] = subject, ["role"] = role },
        SigningCredentials = _credentials,
    });
}
