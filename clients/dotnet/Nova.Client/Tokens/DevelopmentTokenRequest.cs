namespace Nova.Client.Tokens;

internal sealed record DevelopmentTokenRequest(string Sub, string Role, IReadOnlyList<Guid>? Streams, int? TtlSeconds);

internal sealed record DevelopmentToken(string Token);
