using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>What docs/openapi.json promises for many calls at once, asked of each of them.</summary>
public sealed class EveryCallTests(NovaFixture nova)
{
    private static readonly string Large = JsonSerializer.Serialize(new { title = new string('x', 70_000) });

    private readonly string _operator = nova.Sign(nova.Claims("ops").With("role", "operator"));

    [Fact]
    public async Task WithoutAToken_Is401() =>
        await EachAsync(HttpStatusCode.Unauthorized, nova.Api.Gateways[0], _ => new Call());

    [Fact]
    public async Task BodyThatIsNoJson_Is415() =>
        await EachAsync(HttpStatusCode.UnsupportedMediaType, nova.Api.Gateways[0], _ => new Call(Token: _operator, Body: "title", Media: "text/plain"), await StartAsync());

    [Fact]
    public async Task BodyThatIsTooLarge_Is413() =>
        await EachAsync(HttpStatusCode.RequestEntityTooLarge, nova.Api.Gateways[0], _ => new Call(Token: _operator, Body: Large), await StartAsync());

    [Fact]
    public async Task KeyOfAnotherRequest_Is422()
    {
        var stream = await StartAsync();
        var key = Guid.NewGuid().ToString();
        await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"First"}""", _operator, ("Idempotency-Key", key));
        await EachAsync(
            HttpStatusCode.UnprocessableEntity, nova.Api.Gateways[0],
            operation => new Call(Token: _operator, Body: BodyOf(operation), Header: ("Idempotency-Key", key)), stream);
    }

    [Fact]
    public async Task AnotherVersion_Is412() => await EachAsync(
        HttpStatusCode.PreconditionFailed, nova.Api.Gateways[0], operation => new Call(Token: _operator, Body: BodyOf(operation), Header: ("If-Match", "\"999\"")), await StartAsync());

    [Fact]
    public async Task ConditionOrParameterThatMeansNothing_Is400() => await EachAsync(
        HttpStatusCode.BadRequest, nova.Api.Gateways[0],
        operation => new Call(Token: _operator, Body: BodyOf(operation), Header: ("If-Match", "abc"), Query: "?limit=0&since=yesterday&protocol=9&title=",
            Wrong: operation.Name == "CreateStream" ? "{}" : null), await StartAsync());

    [Fact]
    public async Task TokenThatDoesNotAllowIt_Is403()
    {
        var stream = await nova.Api.CreateStreamAsync(visibility: "private");
        var viewer = await nova.Api.TokenAsync();
        await EachAsync(HttpStatusCode.Forbidden, nova.Api.Gateways[0], operation => new Call(Token: viewer, Body: BodyOf(operation)), stream.Id);
    }

    [Fact]
    public async Task UnknownStream_Is404() =>
        await EachAsync(HttpStatusCode.NotFound, nova.Api.Gateways[0], operation => new Call(Token: _operator, Body: BodyOf(operation)));

    [Fact]
    public async Task EndedStream_Is409_WhereItIsChanged()
    {
        var stream = await nova.Api.StartStreamAsync();
        await stream.PostAsync("end");
        await EachAsync(
            HttpStatusCode.Conflict, nova.Api.Gateways[0],
            operation => new Call(Token: _operator, Body: BodyOf(operation), Wrong: operation.Name == "CreateStream" ? $$"""{"title":"x","stream_id":"{{stream.Id}}"}""" : null), stream.Id);
    }

    [Fact]
    public async Task TooManyCalls_Is429()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>
        {
            ["Gateway:UnlimitedClients"] = "",
            ["Gateway:RequestsPerSecond"] = "0.001",
            ["Gateway:RequestsBurst"] = "1",
            ["Gateway:UpgradesPerSecond"] = "0.001",
            ["Gateway:UpgradesBurst"] = "1",
        });
        var token = OwnService.Token("ops", ("role", "operator"));
        using var http = new HttpClient { BaseAddress = gateway.Address };
        await http.GetAsync("/api/v1/streams");
        await http.GetAsync($"/api/v1/streams/{Guid.NewGuid()}/ws");
        await EachAsync(HttpStatusCode.TooManyRequests, gateway.Address, operation => new Call(Token: token, Body: BodyOf(operation)));
    }

    [Fact]
    public async Task WhereNoServiceAnswers_Is503()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>
        {
            ["services:stream-state:http:0"] = "http://127.0.0.1:1",
            ["services:telemetry:http:0"] = "http://127.0.0.1:1",
        });
        var token = OwnService.Token("ops", ("role", "operator"));
        await EachAsync(HttpStatusCode.ServiceUnavailable, gateway.Address, operation => new Call(Token: token, Body: BodyOf(operation)), but: "Health");
    }

    [Theory]
    [InlineData("/api/v1/issues/export")]
    [InlineData("/api/v1/issues/export?format=jsonl")]
    [InlineData("/api/v1/issues/stream")]
    [InlineData("/health")]
    [InlineData("/alive")]
    public async Task AnswerThatIsNoJson_HasItsMediaType(string path)
    {
        using var http = new HttpClient { BaseAddress = nova.Api.Gateways[0] };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _operator);
        using var answer = await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var word = path.Contains("api", StringComparison.Ordinal) ? "" : await answer.Content.ReadAsStringAsync();
        RestContract.Instance.Check(HttpMethod.Get, path, answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, JsonSerializer.SerializeToElement(word));
    }


    private async Task<string> StartAsync() => (await nova.Api.StartStreamAsync()).Id;

    private static string? BodyOf(RestOperation operation) => operation.BodyExample?.ToJsonString();

    /// <summary>Makes every call that promises the status, in the way that should get it.</summary>
    private static async Task EachAsync(HttpStatusCode status, Uri gateway, Func<RestOperation, Call> make, string? stream = null, string? but = null)
    {
        using var http = new HttpClient { BaseAddress = gateway };
        List<string> others = [];
        foreach (var operation in RestContract.Instance.Operations.Where(operation => operation.Answers.ContainsKey((int)status) && operation.Name != but))
        {
            var call = make(operation);
            var path = string.Join('/', operation.Parts.Select(part => part switch
            {
                "{stream_id}" => stream ?? "0199a3f0-0000-7000-8000-000000000000",
                "{viewer_id}" => "0199a3f0-0000-7000-8000-000000000001",
                _ => part,
            })) + call.Query;
            using var answer = await http.SendAsync(call.ToRequest(operation.Method, path), HttpCompletionOption.ResponseHeadersRead);
            if (answer.StatusCode != status)
            {
                others.Add($"{operation.Name}: {(int)answer.StatusCode}");
                continue;
            }

            var text = await answer.Content.ReadAsStringAsync();
            RestContract.Instance.Check(new HttpMethod(operation.Method), path, answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, JsonElement.Parse(text));
            Assert.Equal(status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable, answer.Headers.RetryAfter is not null);
        }

        Assert.True(others.Count == 0, $"Promised {(int)status}, and answered otherwise: {string.Join(", ", others)}");
    }

    /// <param name="Wrong">Sent in place of the body.</param>
    private sealed record Call(
        string? Token = null, string? Body = null, string Media = "application/json", (string Name, string Value)? Header = null, string Query = "", string? Wrong = null)
    {
        public HttpRequestMessage ToRequest(string method, string path)
        {
            var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (Token is not null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
            }

            if (Header is var (name, value))
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }

            if ((Wrong ?? Body) is { } body && method != "GET")
            {
                request.Content = new StringContent(body, Encoding.UTF8, Media);
            }

            return request;
        }
    }
}
