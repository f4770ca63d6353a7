using System.Net;
using System.Text.Json;
using Xunit.Sdk;

namespace Nova.Tests.Contracts;

/// <summary>The judge itself: it lets a true answer through and finds each kind of false one.</summary>
public sealed class RestContractTests
{
    private const string Path = "/api/v1/streams/0199a3f0-0000-7000-8000-000000000000/heartbeat";
    private const string Problem = "application/problem+json";

    private const string NotFound =
        """{"type":"t","title":"Not Found","status":404,"detail":"There is no such stream.","error_code":"STREAM_NOT_FOUND","trace_id":"00-1"}""";

    [Fact]
    public void TrueAnswer_Passes() => Judge(Path, HttpStatusCode.NotFound, Problem, NotFound);

    [Theory]
    [InlineData(Path, HttpStatusCode.Gone, Problem, NotFound)]
    [InlineData(Path, HttpStatusCode.NotFound, "text/html", NotFound)]
    [InlineData(Path, HttpStatusCode.NotFound, null, NotFound)]
    [InlineData(Path, HttpStatusCode.NoContent, "application/json", "{}")]
    [InlineData(Path, HttpStatusCode.NotFound, Problem, "{}")]
    [InlineData(Path, HttpStatusCode.NotFound, Problem, """{"type":"t","title":"t","status":"404","detail":"d","error_code":"STREAM_NOT_FOUND","trace_id":"00-1"}""")]
    [InlineData(Path, HttpStatusCode.NotFound, Problem, """{"type":"t","title":"t","status":404,"detail":"d","error_code":"UNHEARD_OF","trace_id":"00-1"}""")]
    [InlineData("/api/v1/nowhere", HttpStatusCode.Accepted, "application/json", "{}")]
    public void FalseAnswer_IsFound(string path, HttpStatusCode status, string? media, string body) =>
        Assert.ThrowsAny<XunitException>(() => Judge(path, status, media, body));

    private static void Judge(string path, HttpStatusCode status, string? media, string body) =>
        RestContract.Instance.Check(HttpMethod.Post, path, status, media, JsonElement.Parse(body));
}
