using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Nova.Protocol;

namespace Nova.Client.Publishing;

/// <summary>The body of a refusal (RFC 9457).</summary>
internal sealed record Problem(string? Title, string? Detail, string? ErrorCode, string? Reason, StreamStatus? StreamStatus, IReadOnlyDictionary<string, string[]>? Errors)
{
    /// <returns>Null for a body that is none of Nova's, such as a proxy's page.</returns>
    public static async Task<Problem?> ReadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (answer.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            return null;
        }

        try
        {
            return await answer.Content.ReadFromJsonAsync(NovaClientJson.Default.Problem, cancellationToken);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static TimeSpan? RetryAfter(HttpResponseMessage answer) => answer.Headers.RetryAfter?.Delta;

    public static async Task<NovaApiException> ToExceptionAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var problem = await ReadAsync(answer, cancellationToken);
        var detail = problem?.Detail ?? problem?.Title ?? $"{(int)answer.StatusCode} {answer.ReasonPhrase}";
        return new NovaApiException(answer.StatusCode, detail, problem?.ErrorCode, problem?.Errors, problem?.StreamStatus, RetryAfter(answer));
    }
}
