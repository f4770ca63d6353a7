using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Nova.Cli.Doctor;

/// <summary>Whether a Nova answers at the address, before any token.</summary>
internal sealed class AddressChecks(Uri address) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Nova judges tokens with 30 s of leeway; a clock that is 5 s off is on its way there.</summary>
    private static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan CertificateSpare = TimeSpan.FromDays(14);

    private readonly HttpClient _http = new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } }) { Timeout = Patience };

    public async Task<string> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address.Host, address.Port, cancellationToken).AsTask().WaitAsync(Patience, cancellationToken);
            return $"{address.Host}:{address.Port} accepts connections";
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain)
        {
            throw new FaultException($"The name {address.Host} has no address", "Check the spelling and the DNS record");
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            throw new FaultException($"Nothing listens at {address.Host}:{address.Port}", "Start Nova (dotnet run --project Nova.AppHost), or correct the port: nova login --address …");
        }
        catch (Exception exception) when (exception is SocketException or TimeoutException)
        {
            throw new FaultException($"{address.Host}:{address.Port} does not answer: {exception.Message}", "Look for a firewall or a wrong address");
        }
    }

    public async Task<string> CheckCertificateAsync(CancellationToken cancellationToken)
    {
        var errors = SslPolicyErrors.None;
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, cancellationToken);
        await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, found) =>
        {
            errors = found;
            return true;
        });
        try
        {
            await tls.AuthenticateAsClientAsync(address.Host).WaitAsync(Patience, cancellationToken);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or TimeoutException)
        {
            throw new FaultException($"{address.Host}:{address.Port} speaks no TLS: {exception.Message}", "Use http:// for a gateway without TLS, or configure a certificate (docs/deploy.md)");
        }

        if (errors != SslPolicyErrors.None)
        {
            throw new FaultException($"The certificate is not valid for {address.Host}: {errors}", "Install a certificate of a trusted authority for this name; on a developer's machine: dotnet dev-certs https --trust");
        }

        using var certificate = new X509Certificate2(tls.RemoteCertificate!);
        return certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow < CertificateSpare
            ? throw new FaultException($"The certificate ends {certificate.NotAfter:yyyy-MM-dd}", "Renew it")
            : $"{tls.SslProtocol}, valid until {certificate.NotAfter:yyyy-MM-dd}";
    }

    public async Task<string> CheckHealthAsync(CancellationToken cancellationToken)
    {
        using var answer = await GetAsync("/health", cancellationToken);
        var body = await answer.Content.ReadAsStringAsync(cancellationToken);
        return (answer.StatusCode, body.Trim()) switch
        {
            (HttpStatusCode.OK, "Healthy") => "the gateway is ready",
            (HttpStatusCode.OK, "Degraded") => throw new FaultException("The gateway serves, but something it needs is away", "Look at the log of gateway and stream-state, and at docs/runbook.md"),
            (HttpStatusCode.ServiceUnavailable, "Unhealthy") => throw new FaultException("The gateway takes no viewers: it drains, or a service it needs is down", "Look at its log, and at docs/runbook.md"),
            _ => throw new FaultException($"What answers at {address} is no Nova: /health is {(int)answer.StatusCode}", "Check the address, and where the proxy in front of it leads"),
        };
    }

    public async Task<string> CheckClockAsync(CancellationToken cancellationToken)
    {
        using var answer = await GetAsync("/alive", cancellationToken);
        if (answer.Headers.Date is not { } date)
        {
            return "the answer has no Date";
        }

        var skew = (date - DateTimeOffset.UtcNow) + TimeSpan.FromMilliseconds(500); // Date has whole seconds, cut.
        return skew.Duration() > MostSkew
            ? throw new FaultException(
                string.Create(CultureInfo.InvariantCulture, $"Nova's clock and this machine's differ by {skew.Duration().TotalSeconds:F0} s"),
                "Synchronise both with NTP: tokens are judged by the gateway's clock, with 30 s of leeway")
            : "within 5 s of this machine's";
    }

    /// <summary>The status of a WebSocket upgrade: 101 is what it should be.</summary>
    public async Task<int> UpgradeAsync(Guid streamId, string token, CancellationToken cancellationToken)
    {
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        try
        {
            var scheme = address.Scheme == "https" ? "wss" : "ws";
            using var invoker = new HttpMessageInvoker(new SocketsHttpHandler()); // No token to a certificate that is not valid.
            await socket.ConnectAsync(new UriBuilder(address) { Scheme = scheme, Path = $"/api/v1/streams/{streamId}/ws" }.Uri, invoker, cancellationToken).WaitAsync(Patience, cancellationToken);
            return 101;
        }
        catch (Exception exception) when (exception is System.Net.WebSockets.WebSocketException or HttpRequestException or TimeoutException)
        {
            return (int)socket.HttpStatusCode;
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.GetAsync(new Uri(address, path), cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new FaultException($"{address} accepts a connection and does not answer HTTP: {exception.Message}", "Check the scheme (http or https) and the port");
        }
    }
}
