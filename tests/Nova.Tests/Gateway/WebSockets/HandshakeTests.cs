using System.Security.Cryptography;
using System.Text;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>The upgrade, header by header (F1): what is none is refused with a status that says so, what is one is answered as RFC 6455 4.2.2 has it.</summary>
public sealed class HandshakeTests(NovaFixture nova)
{
    private const string Upgrade = "Upgrade: websocket";
    private const string Connection = "Connection: Upgrade";
    private const string Version = "Sec-WebSocket-Version: 13";
    private const string Key = $"Sec-WebSocket-Key: {RawViewer.SampleKey}";

    /// <summary>RFC 6455 4.4: the answer to a version that is not spoken names the one that is. No upgrade at all is a plain GET (S12).</summary>
    [Theory]
    [InlineData(Upgrade, Connection, Key)]
    [InlineData(Upgrade, Connection, Key, "Sec-WebSocket-Version: 12")]
    [InlineData(Upgrade, Connection, Key, "Sec-WebSocket-Version: 14")]
    [InlineData(Upgrade, Connection, Key, "Sec-WebSocket-Version: 0")]
    [InlineData(Upgrade, Connection, Key, "Sec-WebSocket-Version: ")]
    [InlineData(Upgrade, Connection, Key, "Sec-WebSocket-Version: thirteen")]
    [InlineData(Connection, Key, Version)]
    [InlineData(Upgrade, Key, Version)]
    [InlineData(Upgrade, "Connection: keep-alive", Key, Version)]
    [InlineData("Upgrade: h2c", Connection, Key, Version)]
    public async Task Upgrade_WithoutWhatMakesItOne_IsRefusedWithTheVersionSpoken(params string[] headers)
    {
        var answer = await AskAsync(headers: headers);
        Assert.True(answer.Status is 400 or 426, $"It was answered {answer.Status}.");
        Assert.Equal("13", answer.Header("Sec-WebSocket-Version"));
    }

    [Theory]
    [InlineData(Upgrade, Connection, Version)]
    [InlineData(Upgrade, Connection, Version, "Sec-WebSocket-Key: ")]
    [InlineData(Upgrade, Connection, Version, "Sec-WebSocket-Key: c2hvcnQ=")] // 5 bytes
    [InlineData(Upgrade, Connection, Version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ")] // 16 bytes without their padding
    [InlineData(Upgrade, Connection, Version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXNz")] // 18 bytes in as many characters as 16
    [InlineData(Upgrade, Connection, Version, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==")]
    [InlineData(Upgrade, Connection, Version, Key, "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==")]
    public async Task Upgrade_WithoutAKey_IsRefused(params string[] headers)
    {
        var answer = await AskAsync(headers: headers);
        Assert.True(answer.Status is 400 or 426, $"It was answered {answer.Status}.");
    }

    [Theory]
    [InlineData("POST", "HTTP/1.1", 400, 405, 426)]
    [InlineData("PUT", "HTTP/1.1", 400, 405, 426)]
    [InlineData("GET", "HTTP/1.0", 400, 426, 505)]
    public async Task Upgrade_ByAnotherMethodOrAnOlderHttp_IsRefused(string method, string version, params int[] statuses)
    {
        var answer = await AskAsync(method, version, method == "POST" ? [Upgrade, Connection, Version, Key, "Content-Length: 0"] : []);
        Assert.Contains(answer.Status, statuses);
    }

    [Theory]
    [InlineData("Upgrade: websocket", "Connection: keep-alive, Upgrade")]
    [InlineData("Upgrade: WebSocket", "Connection: UPGRADE")]
    [InlineData("upgrade: WEBSOCKET", "connection: foo , uPgRaDe ,bar")]
    [InlineData("Upgrade: websocket", "Connection: keep-alive", "Connection: Upgrade")]
    public async Task Upgrade_WithTokensInAnyCaseAndCompany_IsAccepted(params string[] headers)
    {
        var answer = await AskAsync(headers: [.. headers, Version, Key]);
        Assert.Equal(101, answer.Status);
        Assert.Equal("websocket", answer.Header("Upgrade"), ignoreCase: true);
        Assert.Equal("Upgrade", answer.Header("Connection"), ignoreCase: true);
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", answer.Header("Sec-WebSocket-Accept")); // RFC 6455 1.3's own example
        Assert.Null(answer.Header("Transfer-Encoding"));
        Assert.True(answer.Header("Content-Length") is null or "0");
    }

    [Fact]
    public async Task Accept_ForEveryKey_IsItsHashWithTheGuid()
    {
        for (var i = 0; i < 10; i++)
        {
            var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            var answer = await AskAsync(headers: [Upgrade, Connection, Version, $"Sec-WebSocket-Key: {key}"]);
            Assert.Equal(
                Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))),
                answer.Header("Sec-WebSocket-Accept"));
        }
    }

    /// <param name="offered">Of several headers where there is a bar.</param>
    [Theory]
    [InlineData("", null)]
    [InlineData("Sec-WebSocket-Protocol: nova.v1", "nova.v1")]
    [InlineData("Sec-WebSocket-Protocol: chat, nova.v1", "nova.v1")]
    [InlineData("Sec-WebSocket-Protocol: chat|Sec-WebSocket-Protocol: nova.v1", "nova.v1")]
    [InlineData("Sec-WebSocket-Protocol: nova.v1,nova-token.TOKEN", "nova.v1")]
    [InlineData("Sec-WebSocket-Protocol: nova-token.TOKEN, nova.v1", "nova.v1")]
    [InlineData("Sec-WebSocket-Protocol: nova-token.TOKEN", null)]
    [InlineData("Sec-WebSocket-Protocol: chat, superchat", null)]
    [InlineData("Sec-WebSocket-Protocol: NOVA.V1", null)] // RFC 6455 4.1: the client compares by case.
    public async Task Subprotocol_IsNovaIfOffered_AndNeverTheToken(string offered, string? answered)
    {
        var token = await nova.Api.TokenAsync();
        var inHeader = offered.Contains("TOKEN", StringComparison.Ordinal);
        string[] more = [.. offered.Replace("TOKEN", token).Split('|', StringSplitOptions.RemoveEmptyEntries)];
        var answer = await AskAsync(headers: [Upgrade, Connection, Version, Key, .. more], token: inHeader ? null : token);
        Assert.Equal((101, answered), (answer.Status, answer.Header("Sec-WebSocket-Protocol")));
    }

    [Theory]
    [InlineData("permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits")]
    [InlineData("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8")]
    [InlineData("x-webkit-deflate-frame, permessage-deflate; nonsense=1")]
    [InlineData("permessage-bzip2")]
    public async Task Extension_OfAnyKind_IsNeverNegotiated(string offered)
    {
        var stream = await nova.Api.StartStreamAsync();
        var gateway = nova.Stack.Gateways[0];
        await using var viewer = await RawViewer.OpenAsync(gateway);
        var answer = await viewer.UpgradeAsync(RawViewer.Request(
            gateway, $"{stream.Path}/ws?token={await nova.Api.TokenAsync()}",
            headers: [Upgrade, Connection, Version, Key, $"Sec-WebSocket-Extensions: {offered}"]));
        Assert.Equal((101, null), (answer.Status, answer.Header("Sec-WebSocket-Extensions")));

        Assert.Equal("connection_established", (await viewer.ReadAsync())!.AsMessage().Event);
        await viewer.WriteAsync(RawFrame.Build(RawFrame.Text, AutobahnCases.Info("compressed?"), rsv: 4));
        Assert.Equal(1002, (await viewer.ReadToEndAsync(viewer.AnswerCloseAsync)).CloseCode);
    }

    /// <param name="token">Null puts none into the query.</param>
    private async Task<RawResponse> AskAsync(string method = "GET", string version = "HTTP/1.1", string[]? headers = null, string? token = "")
    {
        var stream = await nova.Api.CreateStreamAsync();
        token = token is "" ? await nova.Api.TokenAsync() : token;
        var gateway = nova.Stack.Gateways[0];
        await using var client = await RawViewer.OpenAsync(gateway);
        return await client.UpgradeAsync(RawViewer.Request(
            gateway, token is null ? $"{stream.Path}/ws" : $"{stream.Path}/ws?token={token}", method, version, headers ?? []));
    }
}
