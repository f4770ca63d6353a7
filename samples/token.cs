// Prints a token: dotnet run token.cs -- SUB ROLE [SECONDS]. Key and issuer are in the environment.
#:property PublishAot=false
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
var claims = new JsonObject
{
    ["iss"] = Environment.GetEnvironmentVariable("NOVA_ISSUER"),
    ["aud"] = "nova",
    ["sub"] = args[0],
    ["role"] = args[1],
    ["iat"] = now,
    ["exp"] = now + (args.Length > 2 ? int.Parse(args[2]) : 300),
};

string Part(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

var signed = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Part(claims.ToJsonString())}";
var key = Convert.FromBase64String(Environment.GetEnvironmentVariable("NOVA_SIGNING_KEY")!); // The key is the bytes, not their base64 text.
Console.WriteLine($"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed)))}");
