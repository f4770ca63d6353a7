using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Redis;
using Npgsql;
using Polly;
using StackExchange.Redis;

namespace Nova.ServiceDefaults.Http;

/// <summary>
/// Turns what a handler threw into a problem body: a client's mistake names its field, a dependency that is unavailable is 503 with
/// <c>Retry-After</c>, and anything else is 500 without internals.
/// </summary>
internal sealed partial class ProblemExceptionHandler(TimeProvider time, ILogger<ProblemExceptionHandler> logger) : IExceptionHandler
{
    private const int ClientClosedRequest = 499;

    private readonly LogThrottle _warnings = new(time);

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = ClientClosedRequest;
            return true;
        }

        await ResultFor(httpContext, exception).ExecuteAsync(httpContext);
        return true;
    }

    private IResult ResultFor(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case BadHttpRequestException { InnerException: JsonException json }:
                return Problems.Invalid(FieldOf(json), MessageOf(json));
            case BadHttpRequestException { StatusCode: StatusCodes.Status400BadRequest } bad when bad.Message.Contains("body", StringComparison.OrdinalIgnoreCase):
                return Problems.Invalid("body", "is required, a JSON object");
            case BadHttpRequestException bad:
                return Problems.Create(bad.StatusCode, "INVALID_REQUEST", PublicMessageOf(bad));
            case PostgresException { SqlState: ['2', '2', ..] }:
                return Problems.Create(StatusCodes.Status400BadRequest, "INVALID_REQUEST", "The request holds a value that cannot be stored.");
            case PostgresException { SqlState: ['2', '3', ..] or "42601" or "42703" or "42883" or "42804" }: // Ours: trying again will not help.
                LogUnexpected(logger, exception, context.Request.Method, context.Request.Path);
                return Problems.Create(StatusCodes.Status500InternalServerError, "SERVER_ERROR", "Something failed on our side; it has been logged.");
            case NpgsqlException or RedisException or SocketException or TimeoutException or HttpRequestException or ExecutionRejectedException:
                if (exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction })
                {
                    context.RequestServices.GetService<NpgsqlDataSource>()?.Clear(); // The primary was demoted; new sessions find the new one.
                }

                if (_warnings.TryTake(out var suppressed))
                {
                    LogDependencyUnavailable(logger, context.Request.Method, context.Request.Path, RedisFailure.ReasonOf(exception), suppressed);
                }

                return Problems.Unavailable(context, "A database or service behind this one is not reachable; try again.");
            default:
                LogUnexpected(logger, exception, context.Request.Method, context.Request.Path);
                return Problems.Create(StatusCodes.Status500InternalServerError, "SERVER_ERROR", "Something failed on our side; it has been logged.");
        }
    }

    /// <summary><c>$.new_quality</c> → <c>new_quality</c>; <c>body</c> when the document as a whole is bad.</summary>
    private static string FieldOf(JsonException exception) =>
        exception.Path is { Length: > 2 } path ? path[2..] : "body";

    /// <summary>Our own converters' messages say what is allowed; the framework's name CLR types and are replaced.</summary>
    private static string MessageOf(JsonException exception) =>
        exception.Message.StartsWith("must be", StringComparison.Ordinal) ? exception.Message.Split(" Path:")[0]
        : exception.Message.Contains("Duplicate property", StringComparison.Ordinal) ? "stands twice"
        : exception.InnerException is InvalidOperationException ? "is no valid text"
        : exception.Path is { Length: > 2 } ? "has the wrong type"
        : exception.Message.Contains("could not be converted", StringComparison.Ordinal) ? "must be a JSON object"
        : "is not valid JSON";

    private static string PublicMessageOf(BadHttpRequestException exception) => exception.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => "The body is too large.",
        StatusCodes.Status415UnsupportedMediaType => "Send the body as application/json.",
        _ when exception.Message.Contains('"') => $"Parameter {exception.Message.Split('"')[1].Split(' ').Last()} cannot be read.",
        _ => "The request cannot be read.",
    };

    [LoggerMessage(1, LogLevel.Warning, "RequestUnavailable: {Method} {Path} is answered 503: {Reason} ({Suppressed} before it were not logged)")]
    private static partial void LogDependencyUnavailable(ILogger logger, string method, string path, string reason, long suppressed);

    [LoggerMessage(2, LogLevel.Error, "RequestFailed: {Method} {Path}")]
    private static partial void LogUnexpected(ILogger logger, Exception exception, string method, string path);
}
