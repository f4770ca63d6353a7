using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nova.ServiceDefaults.Http;

namespace Nova.Tests.ServiceDefaults.Http;

/// <summary>A call that reached nobody goes to the next address, whatever the network threw.</summary>
public sealed class ServiceClientsTests
{
    public static TheoryData<Exception> Failures =>
    [
        new HttpRequestException(HttpRequestError.ConnectionError),
        new HttpRequestException(HttpRequestError.NameResolutionError),
        new SocketException((int)SocketError.NotConnected), // A connection that is reset in the moment it is made.
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Send_WhereNobodyIsReached_TriesTheNextAddress(Exception failure)
    {
        var network = new Network(failures: 1, failure);
        using var client = ClientOver(network);
        using var answer = await client.GetAsync(new Uri("http://service/"), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, 2), (answer.StatusCode, network.Calls));
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Send_WhereNobodyIsEverReached_FailsAsARequestDoes(Exception failure)
    {
        using var client = ClientOver(new Network(failures: int.MaxValue, failure));
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("http://service/"), TestContext.Current.CancellationToken));
    }

    private static HttpClient ClientOver(Network network)
    {
        var services = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(new ConfigurationBuilder().Build()).AddServiceDiscovery();
        services.AddHttpClient("service")
            .AddServiceClient(attempt: TimeSpan.FromSeconds(5), total: TimeSpan.FromSeconds(10))
            .ConfigurePrimaryHttpMessageHandler(() => network);
        return services.BuildServiceProvider().GetRequiredService<IHttpClientFactory>().CreateClient("service");
    }

    private sealed class Network(int failures, Exception failure) : HttpMessageHandler
    {
        public int Calls { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            ++Calls <= failures ? Task.FromException<HttpResponseMessage>(failure) : Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
    }
}
