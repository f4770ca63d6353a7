using System.Globalization;
using System.Net.Mime;

namespace Nova.StreamState.Streams;

/// <summary>An answer about one stream: its version as <c>ETag</c>, and for a new stream its address.</summary>
/// <param name="Body">JSON; empty for 204.</param>
internal sealed record StreamAnswer(int Status, Guid StreamId, long Version, string Body) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{Version}\"");
        if (Status == StatusCodes.Status201Created)
        {
            response.Headers.Location = $"/api/v1/streams/{StreamId:D}";
        }

        if (Body.Length > 0)
        {
            response.ContentType = MediaTypeNames.Application.Json;
            await response.WriteAsync(Body, httpContext.RequestAborted);
        }
    }
}
