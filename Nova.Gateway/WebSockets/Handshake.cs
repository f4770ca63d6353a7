using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Nova.Gateway.WebSockets;

/// <summary>The opening handshake: RFC 6455 4.2 over HTTP/1.1, RFC 8441 over HTTP/2.</summary>
internal static class Handshake
{
    private const string Version = "13";
    private const int KeyBytes = 16;

    /// <summary>RFC 6455 1.3.</summary>
    private static readonly byte[] AcceptGuid = Encoding.ASCII.GetBytes("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");

    /// <returns>Null for an upgrade that can be accepted; else the status and why.</returns>
    public static (int Status, string Detail)? Check(HttpContext http)
    {
        var headers = http.Request.Headers;
        var isHttp2 = http.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true, Protocol: "websocket" };
        var isUpgrade = http.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
            && HttpMethods.IsGet(http.Request.Method) && HttpProtocol.IsHttp11(http.Request.Protocol) // RFC 6455 4.2.1: 1.1 or higher.
            && headers.GetCommaSeparatedValues(HeaderNames.Upgrade).Contains("websocket", StringComparer.OrdinalIgnoreCase);
        if (!isHttp2 && !isUpgrade)
        {
            return (StatusCodes.Status426UpgradeRequired, $"You may watch; connect with a WebSocket, version {Version}.");
        }

        if (headers.SecWebSocketVersion != Version)
        {
            return (StatusCodes.Status426UpgradeRequired, $"Header Sec-WebSocket-Version must be {Version}.");
        }

        return isHttp2 || IsKey(headers.SecWebSocketKey) ? null
            : (StatusCodes.Status400BadRequest, $"Header Sec-WebSocket-Key must be {KeyBytes} bytes in base64.");
    }

    /// <summary>Says what is asked for instead of a request that is no upgrade.</summary>
    public static void OfferUpgrade(HttpResponse response)
    {
        response.Headers.Upgrade = "websocket";
        response.Headers.SecWebSocketVersion = Version;
    }

    /// <summary>Answers 101, or 200 over HTTP/2.</summary>
    /// <returns>What is spoken from now on: unbuffered bytes, both ways.</returns>
    public static async Task<Stream> AcceptAsync(HttpContext http, string? subProtocol)
    {
        var headers = http.Response.Headers;
        if (subProtocol is not null)
        {
            headers.SecWebSocketProtocol = subProtocol;
        }

        if (http.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            return await connect.AcceptAsync();
        }

        headers.Upgrade = "websocket";
        headers.SecWebSocketAccept = Accept(http.Request.Headers.SecWebSocketKey!);
        return await http.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
    }

    private static bool IsKey(string? key)
    {
        Span<byte> bytes = stackalloc byte[KeyBytes];
        return key is not null && Convert.TryFromBase64String(key, bytes, out var written) && written == KeyBytes;
    }

    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData([.. Encoding.ASCII.GetBytes(key), .. AcceptGuid]));
}
