using System.Net.Mime;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

/// <summary>An answer about one stream: its version as <c>ETag</c>, and for a new stream its address.</summary>
/// <param name="Body">JSON; empty for 204.</param>
internal sealed record StreamResult(int Status, Guid StreamId, long Version, string Body) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.ETag = IfMatch.TagOf(Version);
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

/// <summary>Makes answers about streams.</summary>
internal sealed class StreamResults(TimeProvider time, IOptions<JsonOptions> json)
{
    public StreamResult Of(int status, StreamRecord stream, PresenceTotals? totals) => Of(status, stream, StreamResource.From(stream, totals, time.GetUtcNow()));

    public StreamResult Of(StreamCommand command, StreamRecord stream, PresenceTotals? totals) =>
        Of(command.Status, stream, command.Answer(stream, totals, time.GetUtcNow()));

    public StreamResult Accepted(StreamRecord stream) => Of(StatusCodes.Status202Accepted, stream, new Accepted(stream.StreamId, stream.Version));

    public static StreamResult NoContent(StreamRecord stream) => new(StatusCodes.Status204NoContent, stream.StreamId, stream.Version, "");

    private StreamResult Of(int status, StreamRecord stream, object? body) => new(
        status, stream.StreamId, stream.Version, body is null ? "" : JsonSerializer.Serialize(body, json.Value.SerializerOptions.GetTypeInfo(body.GetType())));
}
