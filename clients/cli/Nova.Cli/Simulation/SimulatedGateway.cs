using System.Collections.Concurrent;
using System.Net.WebSockets;
using Nova.Client;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Nova.Cli.Simulation;

/// <summary>Stands before a real gateway: passes everything on, and does to viewers what it is told.</summary>
internal sealed class SimulatedGateway(Uri gateway, NovaPublisher publisher, IHttpForwarder forwarder, FaultSwitches switches, ILogger<SimulatedGateway> logger) : IDisposable
{
    private static readonly TimeSpan DrainSpread = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<SimulatedViewer, byte> _viewers = [];
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly ConcurrentDictionary<string, byte> _expiredTokens = [];

    public int Viewers => _viewers.Count;

    public async Task HandleAsync(HttpContext context)
    {
        var isSocket = context.Request.Path.Value?.EndsWith("/ws", StringComparison.Ordinal) == true;
        if (isSocket && context.Features.Get<SilenceGate>() is { } gate)
        {
            if (context.WebSockets.IsWebSocketRequest)
            {
                gate.HoldsFromNowOn();
            }

            await gate.PassAsync(context.RequestAborted);
        }

        if (switches.Refusing is { } refusal && (isSocket || refusal.Status == 0))
        {
            await RefuseAsync(context, refusal);
        }
        else if (isSocket && TokenOf(context.Request) is { } token && _expiredTokens.ContainsKey(token))
        {
            await RefuseAsync(context, new Refusal(401, ErrorCodes.ConnectionRejected, "The token has expired.", "token_expired"));
        }
        else if (isSocket && context.WebSockets.IsWebSocketRequest)
        {
            await RelayAsync(context);
        }
        else
        {
            await forwarder.SendAsync(context, gateway.OriginalString, _http, ForwarderRequestConfig.Empty, HttpTransformer.Empty);
        }
    }

    /// <summary>Does it to every viewer there is, and to those who come while it lasts.</summary>
    public async Task DoAsync(Fault fault)
    {
        logger.LogInformation("{Fault} for {Viewers} viewers", fault.Name, Viewers);
        switch (fault.Name)
        {
            case "expire":
                await EachAsync(viewer =>
                {
                    _expiredTokens.TryAdd(viewer.Token ?? "", 0);
                    return viewer.CloseAsync((int)CloseCode.TokenExpired, "token expired", Error("The token has expired", "Reconnect with a new token"));
                });
                break;
            case "kick":
                await EachAsync(viewer => viewer is { StreamId: { } stream, ViewerId: { } id } ? publisher.KickAsync(stream, id) : Task.CompletedTask);
                break;
            case "drain":
                switches.Refuse(new Refusal(503, ErrorCodes.ConnectionRejected, "This gateway takes no more viewers now; try again.", "draining"), fault.For ?? TimeSpan.FromSeconds(2));
                await EachAsync(viewer => viewer.CloseAsync((int)CloseCode.GoingAway, $"drain retry_after_ms={Random.Shared.Next((int)DrainSpread.TotalMilliseconds)}"));
                break;
            case "drop":
                _ = EachAsync(viewer => viewer.DropAsync(fault.For ?? TimeSpan.FromSeconds(5)));
                break;
            case "capacity":
                switches.Refuse(new Refusal(503, ErrorCodes.ConnectionRejected, "This gateway takes no more viewers now; try again.", "at_capacity"), fault.For ?? TimeSpan.FromSeconds(10));
                break;
            case "silence":
                switches.Silence(fault.For ?? TimeSpan.FromSeconds(60));
                break;
            case "latency":
                switches.Delay(fault.Delay ?? TimeSpan.FromMilliseconds(500), fault.For ?? TimeSpan.FromSeconds(30));
                break;
            case "cut" or "away":
                if (fault.Name == "away")
                {
                    switches.Refuse(new Refusal(0, "", ""), fault.For ?? TimeSpan.FromSeconds(5));
                }

                await EachAsync(viewer =>
                {
                    viewer.Cut();
                    return Task.CompletedTask;
                });
                break;
            case "close":
                await EachAsync(viewer => viewer.CloseAsync(fault.Code ?? (int)CloseCode.InternalError, fault.Reason ?? "simulated"));
                break;
            case "clear":
                switches.Clear();
                break;
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task RelayAsync(HttpContext context)
    {
        using var upstream = new ClientWebSocket();
        foreach (var protocol in context.WebSockets.WebSocketRequestedProtocols)
        {
            upstream.Options.AddSubProtocol(protocol);
        }

        foreach (var header in new[] { "Authorization", "Origin" })
        {
            if (context.Request.Headers.TryGetValue(header, out var value))
            {
                upstream.Options.SetRequestHeader(header, value);
            }
        }

        try
        {
            var address = new UriBuilder(gateway) { Scheme = "ws", Path = context.Request.Path, Query = context.Request.QueryString.Value };
            await upstream.ConnectAsync(address.Uri, _http, context.RequestAborted);
        }
        catch (WebSocketException)
        {
            // Refused: a plain GET is answered the same, with a body.
            context.Request.Headers.Remove("Upgrade");
            context.Request.Headers.Remove("Connection");
            context.Request.Method = HttpMethods.Get;
            await forwarder.SendAsync(context, gateway.OriginalString, _http, ForwarderRequestConfig.Empty, HttpTransformer.Empty);
            return;
        }

        var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = upstream.SubProtocol, KeepAliveInterval = TimeSpan.Zero });
        var viewer = new SimulatedViewer(socket, upstream, switches) { Token = TokenOf(context.Request) };
        _viewers.TryAdd(viewer, 0);
        try
        {
            await viewer.RelayAsync();
        }
        finally
        {
            _viewers.TryRemove(viewer, out _);
        }
    }

    private Task EachAsync(Func<SimulatedViewer, Task> act) => Task.WhenAll(_viewers.Keys.Select(act));

    /// <summary>Status 0: as if nobody were there.</summary>
    private static Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        if (refusal.Status == 0)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        context.Response.Headers.AccessControlAllowOrigin = "*"; // As a gateway: a page may read why.
        context.Response.Headers.AccessControlExposeHeaders = "Retry-After";
        context.Response.Headers.RetryAfter = refusal.Status == 503 ? Problems.RetryAfterSeconds() : default;
        return Problems.WriteAsync(context, refusal.Status, refusal.ErrorCode, refusal.Detail, refusal.Reason);
    }

    private static string? TokenOf(HttpRequest request) => request.Query["token"].FirstOrDefault()
        ?? request.Headers.Authorization.FirstOrDefault()?.Split(' ')[^1]
        ?? request.Headers.SecWebSocketProtocol.ToString().Split(',').Select(part => part.Trim()).FirstOrDefault(part => part.StartsWith("nova-token.", StringComparison.Ordinal))?["nova-token.".Length..];

    private static ErrorMessage Error(string message, string action) => new(ErrorCodes.Unauthorized, message, ErrorSeverity.Critical, Recoverable: false, action, DateTimeOffset.UtcNow);
}
