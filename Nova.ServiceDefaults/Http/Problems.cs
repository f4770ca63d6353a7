using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Nova.ServiceDefaults.Http;

/// <summary>RFC 9457 problem bodies. Each carries <c>error_code</c>, one of the protocol's codes, for programs; <c>detail</c> is for people.</summary>
public static class Problems
{
    private const string ContentType = "application/problem+json";

    public static ProblemHttpResult Create(int status, string errorCode, string detail, IDictionary<string, object?>? more = null)
    {
        var extensions = new Dictionary<string, object?>(more ?? new Dictionary<string, object?>()) { ["error_code"] = errorCode };
        return TypedResults.Problem(detail, statusCode: status, type: TypeOf(status), extensions: extensions);
    }

    /// <summary>Those of the other statuses the framework knows.</summary>
    private static string? TypeOf(int status) => status switch
    {
        StatusCodes.Status426UpgradeRequired => "https://tools.ietf.org/html/rfc9110#section-15.5.22",
        StatusCodes.Status429TooManyRequests => "https://tools.ietf.org/html/rfc6585#section-4",
        _ => null,
    };

    /// <summary>400 that names each bad field: <c>"errors": {"new_quality": ["must be one of 720p, 1080p, 4k, auto"]}</c>.</summary>
    public static ProblemHttpResult Invalid(IReadOnlyDictionary<string, string[]> errors) =>
        Create(
            StatusCodes.Status400BadRequest,
            "INVALID_REQUEST",
            string.Join(" ", errors.Select(error => $"{error.Key} {string.Join(", ", error.Value)}.")),
            new Dictionary<string, object?> { ["errors"] = errors });

    public static ProblemHttpResult Invalid(string field, string error) =>
        Invalid(new Dictionary<string, string[]> { [field] = [error] });

    /// <summary>503 for a dependency that is unavailable for now: nothing was done, the same request may be sent again.</summary>
    public static IResult Unavailable(HttpContext context, string detail)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds();
        return Create(StatusCodes.Status503ServiceUnavailable, "SERVER_ERROR", detail);
    }

    /// <summary>Jittered, so that those refused together do not come back together.</summary>
    /// <param name="atLeast">What it takes at least.</param>
    public static string RetryAfterSeconds(TimeSpan atLeast = default) =>
        ((int)Math.Ceiling(atLeast.TotalSeconds) + Random.Shared.Next(1, 6)).ToString(CultureInfo.InvariantCulture);

    /// <summary>Writes a problem where no endpoint's result can be returned: challenges, refused upgrades.</summary>
    public static Task WriteAsync(HttpContext context, int status, string errorCode, string detail, string? reason = null) =>
        Create(status, errorCode, detail, reason is null ? null : new Dictionary<string, object?> { ["reason"] = reason })
            .ExecuteAsync(context);

    /// <summary>404s and 405s of the router have no body of their own; give them ours.</summary>
    internal static Task WriteForBareStatusAsync(StatusCodeContext status)
    {
        var context = status.HttpContext;
        return context.Response.StatusCode switch
        {
            404 => WriteAsync(context, 404, "NOT_FOUND", "There is nothing at this address."),
            405 => WriteAsync(context, 405, "METHOD_NOT_ALLOWED", $"{context.Request.Method} is not possible here."),
            413 => WriteAsync(context, 413, "INVALID_REQUEST", "The body is too large."),
            415 => WriteAsync(context, 415, "INVALID_REQUEST", "Send the body as application/json."),
            _ => Task.CompletedTask,
        };
    }
}
