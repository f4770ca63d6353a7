using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.Tokens;

namespace Nova.Tests.Support;

/// <summary>Creates valid and invalid tokens, with any header and any claims, signed or unsigned.</summary>
public static class TestToken
{
    public const string Issuer = "nova-test-issuer";
    public const string Audience = "nova-test";

    /// <summary>The claims of a token that is valid for ten minutes.</summary>
    public static JsonObject Claims(string issuer = Issuer, string subject = "viewer-1") => new()
    {
        ["iss"] = issuer,
        ["aud"] = Audience,
        ["sub"] = subject,
        ["iat"] = Now,
        ["exp"] = Now + 600,
    };

    public static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Signs with HS256 and this key, whatever the header says.</summary>
    public static string Hmac(byte[] key, JsonObject claims, JsonObject? header = null) =>
        Sign(header ?? new JsonObject { ["alg"] = "HS256", ["typ"] = "JWT" }, claims.ToJsonString(), input => HMACSHA256.HashData(key, input));

    public static string HmacOf(byte[] key, string claims) => Sign(new JsonObject { ["alg"] = "HS256" }, claims, input => HMACSHA256.HashData(key, input));

    /// <summary>Signs with an issuer's key.</summary>
    public static string Signed(SigningCredentials credentials, JsonObject claims, JsonObject? header = null)
    {
        header ??= new JsonObject { ["alg"] = credentials.Algorithm, ["kid"] = credentials.Key.KeyId };
        return Sign(header, claims.ToJsonString(), input => credentials.Key switch
        {
            RsaSecurityKey rsa => rsa.Rsa.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            ECDsaSecurityKey ec => ec.ECDsa.SignData(input, HashAlgorithmName.SHA256),
            _ => throw new ArgumentException(credentials.Key.GetType().Name, nameof(credentials)),
        });
    }

    public static string Sign(JsonObject header, string claims, Func<byte[], byte[]> sign)
    {
        var input = $"{Encode(header.ToJsonString())}.{Encode(claims)}";
        return $"{input}.{Base64UrlEncoder.Encode(sign(Encoding.ASCII.GetBytes(input)))}";
    }

    public static JsonObject With(this JsonObject claims, string name, JsonNode? value)
    {
        claims[name] = value;
        return claims;
    }

    public static JsonObject Without(this JsonObject claims, string name)
    {
        claims.Remove(name);
        return claims;
    }

    private static string Encode(string json) => Base64UrlEncoder.Encode(json);
}
