using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nova.Cli.Doctor;
using Nova.Cli.Profiles;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using Yarp.ReverseProxy.Forwarder;
using static Nova.Tests.Clients.DoctorSteps;

namespace Nova.Tests.Clients;

/// <summary><c>nova doctor</c> names the fault in deployments that are broken on purpose.</summary>
public sealed class DoctorTests(NovaFixture nova)
{
    private Uri Gateway => nova.Stack.Gateways[0];

    [Fact]
    public async Task Healthy_NothingIsFound() => Assert.All(await ExamineAsync(Local(Gateway)), finding => Assert.Equal(Outcome.Healthy, finding.Outcome));

    [Fact]
    public Task NobodyListens_IsFound() => FindsAsync(Local(new Uri($"http://127.0.0.1:{FreePort.Find()}")), "address", "Nothing listens", "Start Nova");

    [Fact]
    public Task NameWithoutAddress_IsFound() => FindsAsync(Local(new Uri("http://nova.invalid")), "address", "nova.invalid", "DNS");

    [Fact]
    public async Task AnotherServer_IsFound()
    {
        await using var other = await ProxyAsync((context, _) =>
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
        await FindsAsync(Local(other.Address), "health", "is no Nova", "Check the address");
    }

    [Fact]
    public async Task SelfSignedCertificate_IsFound()
    {
        await using var tls = await TlsGateway.StartAsync(nova.Stack);
        await FindsAsync(Local(tls.Address), "TLS", "not valid", "trusted authority");
    }

    [Fact]
    public Task PlainHttpBehindHttps_IsFound() => FindsAsync(Local(new UriBuilder(Gateway) { Scheme = "https" }.Uri), "TLS", "speaks no TLS", "http://");

    [Theory]
    [InlineData("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", NovaFixture.Issuer, "nova")]
    [InlineData(null, "another", "nova")]
    [InlineData(null, NovaFixture.Issuer, "another")]
    public Task WrongKeyIssuerOrAudience_IsFound(string? key, string issuer, string audience) => FindsAsync(
        new Profile { Address = Gateway, Kind = TokenKind.Key, SigningKey = key ?? nova.SigningKey, Issuer = issuer, Audience = audience }, "REST", "401", "key, issuer and audience");

    [Fact]
    public async Task TokenOfAViewer_IsFound() =>
        await FindsAsync(new Profile { Address = Gateway, Kind = TokenKind.Fixed, Token = await nova.Api.TokenAsync() }, "publish", "403", "role operator or broadcaster");

    [Fact]
    public async Task ClockThatIsWrong_IsFound()
    {
        await using var late = await ProxyAsync(async (context, forward) =>
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.Date = DateTimeOffset.UtcNow.AddMinutes(-2).ToString("R");
                return Task.CompletedTask;
            });
            await forward();
        });
        await FindsAsync(Local(late.Address), "clock", "differ by 1", "NTP");
    }

    [Fact]
    public async Task ProxyThatPassesNoUpgrades_IsFound()
    {
        await using var proxy = await ProxyAsync((context, forward) =>
        {
            context.Request.Headers.Remove("Upgrade");
            context.Request.Headers.Remove("Connection");
            return forward();
        });
        await FindsAsync(Local(proxy.Address), "socket", "426", "proxy_set_header Upgrade");
    }

    /// <summary>Something in front of the gateway.</summary>
    private async Task<FrontProxy> ProxyAsync(Func<HttpContext, Func<Task>, Task> handle)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls($"http://127.0.0.1:{FreePort.Find()}");
        builder.Services.AddHttpForwarder();
        var app = builder.Build();
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        var http = new HttpMessageInvoker(new SocketsHttpHandler());
        app.Run(context => handle(context, async () => await forwarder.SendAsync(context, Gateway.OriginalString, http, ForwarderRequestConfig.Empty, HttpTransformer.Empty)));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new FrontProxy(app);
    }

    private sealed class FrontProxy(WebApplication app) : IAsyncDisposable
    {
        public Uri Address { get; } = new(app.Urls.First());

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
