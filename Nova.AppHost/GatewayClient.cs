using Nova.Client;
using Nova.Protocol;

namespace Nova.AppHost;

/// <summary>What the dashboard's commands call. Tokens come from <c>/dev/tokens</c>, which exists in Development.</summary>
internal sealed record GatewayClient(Uri Gateway)
{
    public string PageOf(Guid streamId) => $"{Gateway.OriginalString}/#stream={streamId}";

    /// <summary>An operator may change everybody's streams.</summary>
    public NovaPublisher AsOperator() => As("dashboard", "operator");

    /// <summary>Whoever pressed the button decides whether to repeat it.</summary>
    public NovaPublisher As(string sub, string role) =>
        new(new NovaClientOptions { Address = Gateway, Token = DevelopmentTokens.Of(Gateway, sub, role), RetryFor = TimeSpan.Zero });

    public async Task<Guid?> NewestActiveStreamAsync(CancellationToken cancellationToken, string? broadcasterId = null)
    {
        using var publisher = AsOperator();
        await foreach (var stream in publisher.ListAsync(StreamStatus.Active, broadcasterId, cancellationToken))
        {
            return stream.StreamId;
        }

        return null;
    }
}
