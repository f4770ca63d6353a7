using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nova.Client;

namespace Microsoft.Extensions.DependencyInjection;

public static class NovaClientServiceCollectionExtensions
{
    /// <summary>Registers <see cref="NovaPublisher"/>, <see cref="NovaIssues"/> and <see cref="NovaViewers"/>, which share one address and one kind of token.</summary>
    public static IServiceCollection AddNovaClient(this IServiceCollection services, Action<NovaClientOptions> configure)
    {
        services.AddOptions<NovaClientOptions>()
            .Configure(configure)
            .Validate(options => options.Address is { IsAbsoluteUri: true }, $"{nameof(NovaClientOptions)}.{nameof(NovaClientOptions.Address)} must be the gateway's address.")
            .Validate(options => options.Token is not null, $"{nameof(NovaClientOptions)}.{nameof(NovaClientOptions.Token)} must be a function that returns a token.");
        services.AddSingleton(provider => new NovaPublisher(Options(provider), time: provider.GetService<TimeProvider>()));
        services.AddSingleton(provider => new NovaIssues(Options(provider), time: provider.GetService<TimeProvider>()));
        services.AddSingleton(provider => new NovaViewers(Options(provider), provider.GetService<ILogger<NovaViewer>>(), provider.GetService<TimeProvider>()));
        return services;
    }

    private static NovaClientOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<NovaClientOptions>>().Value;
}
