using System.Net;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>Nova refused a call. The message is its sentence.</summary>
public sealed class NovaApiException(
    HttpStatusCode status, string message, string? errorCode = null, IReadOnlyDictionary<string, string[]>? errors = null, StreamStatus? streamStatus = null, TimeSpan? retryAfter = null)
    : Exception(message)
{
    public HttpStatusCode Status => status;

    /// <summary>One of <see cref="ErrorCodes"/>; null where something in between answered.</summary>
    public string? ErrorCode => errorCode;

    /// <summary>With 400, what is wrong with each field.</summary>
    public IReadOnlyDictionary<string, string[]> Errors { get; } = errors ?? new Dictionary<string, string[]>();

    /// <summary>With 409, where the stream stands.</summary>
    public StreamStatus? StreamStatus => streamStatus;

    /// <summary>With 429 and 503, how long to wait at least.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
