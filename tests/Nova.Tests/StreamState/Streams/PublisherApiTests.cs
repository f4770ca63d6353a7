using System.Net;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.StreamState.Streams;

/// <summary>The publisher's API (PROTOCOL.md 3.2) through a gateway: every call, and every way it can be refused.</summary>
public sealed class PublisherApiTests(NovaFixture nova)
{
    private const string Start = """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""";
    private const string Quality = """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""";
    private const string Error = """{"error_code":"BUFFER_OVERFLOW","error_message":"m","severity":"warning","recoverable":true,"suggested_action":"a"}""";

    /// <summary>Call, body, the fields its 400 must name.</summary>
    public static TheoryData<string, string, string[]> BadBodies => new()
    {
        { "", """{}""", ["title"] },
        { "", """{"title":" "}""", ["title"] },
        { "", $$"""{"title":"{{new string('x', 201)}}"}""", ["title"] },
        { "", """{"title":"a\u0000b"}""", ["title"] },
        { "", """{"title":5}""", ["title"] },
        { "", """{"title":"\ud800"}""", ["title"] },
        { "", """{"title":"t","visibility":"secret"}""", ["visibility"] },
        { "", """{"title":"t","stream_id":"7"}""", ["stream_id"] },
        { "", """{"title":"t","title":"u"}""", ["title"] },
        { "", """{"title":"t","description":"d" """, ["body"] },
        { "", "[]", ["body"] },
        { "start", """{}""", ["quality", "fps", "bitrate_kbps"] },
        { "start", """{"quality":"480p","fps":60,"bitrate_kbps":5000}""", ["quality"] },
        { "start", """{"quality":"1080p","fps":"60","bitrate_kbps":5000}""", ["fps"] },
        { "start", """{"quality":"1080p","fps":0,"bitrate_kbps":-1}""", ["fps", "bitrate_kbps"] },
        { "start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000,"max_bitrate_kbps":0}""", ["max_bitrate_kbps"] },
        { "quality", """{"new_quality":"480p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""", ["new_quality"] },
        { "quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"because"}""", ["reason"] },
        { "quality", """{"new_quality":"720p","new_bitrate_kbps":99999999999,"reason":"adaptive_bitrate"}""", ["new_bitrate_kbps"] },
        { "quality", """{}""", ["new_quality", "new_bitrate_kbps", "reason"] },
        { "bitrate", """{"current_bitrate_kbps":-1}""", ["current_bitrate_kbps"] },
        { "bitrate", """{"current_bitrate_kbps":1.5}""", ["current_bitrate_kbps"] },
        { "bitrate", """{}""", ["current_bitrate_kbps"] },
        { "error", """{}""", ["error_code", "error_message", "severity", "recoverable", "suggested_action"] },
        { "error", """{"error_code":"oops","error_message":"m","severity":"warning","recoverable":true,"suggested_action":"a"}""", ["error_code"] },
        { "error", """{"error_code":"X","error_message":"m","severity":"fatal","recoverable":true,"suggested_action":"a"}""", ["severity"] },
        { "error", """{"error_code":"X","error_message":"m","severity":"info","recoverable":"yes","suggested_action":"a"}""", ["recoverable"] },
        { "end", """{"reason":"bored"}""", ["reason"] },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task Post_WithABadBody_Is400NamingEveryField(string call, string body, string[] fields)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var path = call.Length == 0 ? "/api/v1/streams" : $"{stream.Path}/{call}";
        var answer = await nova.Api.SendAsync(HttpMethod.Post, path, body, stream.Token);
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (answer.Status, answer.ErrorCode));
        Assert.Equal(fields, answer.Body.GetProperty("errors").EnumerateObject().Select(error => error.Name));
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);
        Assert.DoesNotContain("System.", answer.Body.GetRawText());
        Assert.DoesNotContain("Nova.", answer.Body.GetRawText());
    }

    [Theory]
    [InlineData("start")]
    [InlineData("quality")]
    [InlineData("bitrate")]
    [InlineData("error")]
    public async Task Post_WithoutABody_Is400(string call)
    {
        var stream = await nova.Api.CreateStreamAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await stream.TryPostAsync(call, null)).Status);
    }

    [Theory]
    [InlineData("?status=on", "status")]
    [InlineData("?limit=0", "limit")]
    [InlineData("?limit=201", "limit")]
    [InlineData("?limit=x", "limit")]
    [InlineData("?cursor=abc", "cursor")]
    public async Task List_WithABadQuery_Is400NamingIt(string query, string field)
    {
        var answer = await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/streams" + query, null, await nova.Api.TokenAsync());
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _));
    }

    /// <summary>Every publish route, who may not (S42).</summary>
    [Theory]
    [InlineData("start", Start)]
    [InlineData("quality", Quality)]
    [InlineData("bitrate", """{"current_bitrate_kbps":1}""")]
    [InlineData("error", Error)]
    [InlineData("heartbeat", "")]
    [InlineData("end", "")]
    [InlineData("kick", "")]
    public async Task Publish_ByAViewerOrAnotherBroadcaster_Is403_AndWithoutAToken401(string call, string body)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var (method, path) = call == "kick" ? (HttpMethod.Delete, $"{stream.Path}/viewers/{Guid.NewGuid()}") : (HttpMethod.Post, $"{stream.Path}/{call}");
        foreach (var (token, status, code) in new[]
        {
            (await nova.Api.TokenAsync(stream.Broadcaster, "viewer"), HttpStatusCode.Forbidden, "UNAUTHORIZED"),
            (await nova.Api.TokenAsync("somebody else", "broadcaster"), HttpStatusCode.Forbidden, "UNAUTHORIZED"),
            (null, HttpStatusCode.Unauthorized, "CONNECTION_REJECTED"),
        })
        {
            var answer = await nova.Api.SendAsync(method, path, body, token);
            Assert.Equal((status, code), (answer.Status, answer.ErrorCode));
        }
    }

    [Theory]
    [InlineData("start", Start)]
    [InlineData("quality", Quality)]
    [InlineData("bitrate", """{"current_bitrate_kbps":1}""")]
    [InlineData("error", Error)]
    [InlineData("heartbeat", "")]
    [InlineData("end", "")]
    [InlineData("", "")]
    public async Task AnyCall_ForNoStream_Is404(string call, string body)
    {
        var token = await nova.Api.TokenAsync("b", "operator");
        foreach (var id in new[] { Guid.NewGuid().ToString(), "not-a-uuid" })
        {
            var answer = await nova.Api.SendAsync(
                call.Length == 0 ? HttpMethod.Get : HttpMethod.Post, $"/api/v1/streams/{id}{(call.Length == 0 ? "" : "/" + call)}", body.Length == 0 ? null : body, token);
            Assert.Equal((HttpStatusCode.NotFound, "STREAM_NOT_FOUND"), (answer.Status, answer.ErrorCode));
        }
    }

    [Fact]
    public async Task Lifecycle_InOrder_IsAnsweredWithTheStream()
    {
        var stream = await nova.Api.CreateStreamAsync(title: "“Ünïcode” 🎮\nline", description: "<b>\"d\"</b>");
        var created = await stream.GetAsync();
        Assert.Equal(("scheduled", "“Ünïcode” 🎮\nline", "<b>\"d\"</b>", stream.Broadcaster, 1), (
            created.Text("status"), created.Text("title"), created.Text("description"), created.Text("broadcaster_id"), created.Number("version")));

        var started = await stream.PostAsync("start", Start);
        Assert.Equal(("active", 2, 6000, "\"2\""), (started.Text("status"), started.Number("version"), started.Number("max_bitrate_kbps"), started.Headers["ETag"]));
        var changed = await stream.PostAsync("quality", Quality);
        Assert.Equal(("720p", 3000, 60, 3), (changed.Text("quality"), changed.Number("bitrate_kbps"), changed.Number("fps"), changed.Number("version")));
        Assert.Equal(HttpStatusCode.Accepted, (await stream.PostAsync("bitrate", """{"current_bitrate_kbps":2900}""")).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await stream.PostAsync("error", Error)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await stream.PostAsync("heartbeat")).Status);
        var ended = await stream.PostAsync("end");
        Assert.Equal(("ended", "broadcaster_ended", 0, 5), (ended.Text("status"), ended.Text("end_reason"), ended.Number("viewer_count"), ended.Number("version")));
    }

    [Fact]
    public async Task IllegalTransition_Is409WithTheStatus()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await AssertNotAllowedAsync("scheduled", "end", "quality", "bitrate", "heartbeat");
        await stream.PostAsync("start", Start);
        await AssertNotAllowedAsync("active", "start");
        await stream.PostAsync("end");
        await AssertNotAllowedAsync("ended", "start", "end", "quality", "error", "bitrate", "heartbeat");

        async Task AssertNotAllowedAsync(string status, params string[] calls)
        {
            foreach (var call in calls)
            {
                var body = call switch { "start" => Start, "quality" => Quality, "error" => Error, "bitrate" => """{"current_bitrate_kbps":1}""", _ => "{}" };
                var answer = await stream.TryPostAsync(call, body);
                Assert.Equal((HttpStatusCode.Conflict, "INVALID_TRANSITION", status), (answer.Status, answer.ErrorCode, answer.Text("stream_status")));
            }
        }
    }

    [Fact]
    public async Task IfMatch_WithAnotherVersion_Is412AndChangesNothing()
    {
        var stream = await nova.Api.StartStreamAsync();
        var refused = await stream.TryPostAsync("quality", Quality, ("If-Match", "\"1\""));
        Assert.Equal((HttpStatusCode.PreconditionFailed, "VERSION_MISMATCH", 2), (refused.Status, refused.ErrorCode, refused.Number("version")));
        Assert.Equal(2, (await stream.GetAsync()).Number("version"));
        Assert.Equal(3, (await stream.PostAsync("quality", Quality, ("If-Match", "\"2\""))).Number("version"));
        Assert.Equal(4, (await stream.PostAsync("quality", Quality, ("If-Match", "*"))).Number("version"));
        Assert.Equal(HttpStatusCode.BadRequest, (await stream.TryPostAsync("quality", Quality, ("If-Match", "4"))).Status);
    }

    [Fact]
    public async Task IdempotencyKey_SentAgain_RepeatsTheAnswerAndNotTheChange()
    {
        var stream = await nova.Api.StartStreamAsync();
        var key = ("Idempotency-Key", Guid.NewGuid().ToString());
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => stream.PostAsync("quality", Quality, key)));
        Assert.All(answers, answer => Assert.Equal((3, "\"3\""), (answer.Number("version"), answer.Headers["ETag"])));
        Assert.Equal(3, (await stream.GetAsync()).Number("version"));

        var reused = await stream.TryPostAsync("quality", Quality.Replace("3000", "3001"), key);
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "IDEMPOTENCY_KEY_REUSED"), (reused.Status, reused.ErrorCode));
    }

    /// <summary>Was: those who lost the race for the stream's row were told 409, by the very change they had asked for.</summary>
    [Fact]
    public async Task IdempotencyKey_OfATransition_AnswersEveryConcurrentRetry()
    {
        for (var round = 0; round < 5; round++)
        {
            var stream = await nova.Api.CreateStreamAsync();
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => stream.TryPostAsync("start", Start, ("Idempotency-Key", "start"), ("If-Match", "\"1\""))));
            Assert.All(answers, answer => Assert.Equal((HttpStatusCode.OK, 2), (answer.Status, answer.Number("version"))));
        }
    }

    [Theory]
    [InlineData("bitrate", """{"current_bitrate_kbps":1}""")]
    [InlineData("heartbeat", null)]
    public async Task IfMatch_OnASignOfLife_IsHonouredToo(string call, string? body)
    {
        var stream = await nova.Api.StartStreamAsync();
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await stream.TryPostAsync(call, body, ("If-Match", "\"99\""))).Status);
        Assert.True((int)(await stream.TryPostAsync(call, body, ("If-Match", "\"2\""))).Status is 202 or 204);
    }

    [Fact]
    public async Task IdempotencyKey_OnCreate_MakesOneStream()
    {
        var token = await nova.Api.TokenAsync($"b-{Guid.NewGuid()}", "broadcaster");
        var key = ("Idempotency-Key", "create-once");
        var first = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"once"}""", token, key);
        var again = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"once"}""", token, key);
        Assert.Equal((HttpStatusCode.Created, first.Text("stream_id"), first.Headers["Location"]), (again.Status, again.Text("stream_id"), again.Headers["Location"]));
        Assert.Equal($"/api/v1/streams/{first.Text("stream_id")}", first.Headers["Location"]);
    }

    [Fact]
    public async Task Create_WithAnIdOfOnesOwn_TakesItOnce()
    {
        var (token, id) = (await nova.Api.TokenAsync("chooser", "broadcaster"), Guid.NewGuid());
        var body = $$"""{"title":"mine","stream_id":"{{id.ToString().ToUpperInvariant()}}"}""";
        Assert.Equal(id.ToString(), (await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", body, token)).Text("stream_id"));
        var again = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", body, token);
        Assert.Equal((HttpStatusCode.Conflict, "STREAM_EXISTS"), (again.Status, again.ErrorCode));
    }

    [Fact]
    public async Task Create_ForSomebodyElse_IsForOperators()
    {
        const string Body = """{"title":"theirs","broadcaster_id":"them"}""";
        var refused = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", Body, await nova.Api.TokenAsync("me", "broadcaster"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
        var created = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", Body, await nova.Api.TokenAsync("ops", "operator"));
        Assert.Equal("them", created.Text("broadcaster_id"));
        Assert.Equal(HttpStatusCode.Forbidden, (await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"x"}""", await nova.Api.TokenAsync())).Status);
    }

    [Fact]
    public async Task List_ByPages_HasEveryStreamOnceNewestFirst()
    {
        var broadcaster = $"lister-{Guid.NewGuid():N}";
        var token = await nova.Api.TokenAsync(broadcaster, "broadcaster");
        List<string> made = [];
        for (var i = 0; i < 5; i++)
        {
            made.Add((await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", $$"""{"title":"{{i}}","visibility":"private"}""", token)).Text("stream_id"));
        }

        List<string> listed = [];
        string? cursor = null;
        do
        {
            var page = await nova.Api.SendAsync(
                HttpMethod.Get, $"/api/v1/streams?broadcaster_id={broadcaster}&limit=2{(cursor is null ? "" : $"&cursor={cursor}")}", null, token);
            listed.AddRange(page.Body.GetProperty("streams").EnumerateArray().Select(stream => stream.GetProperty("stream_id").GetString()!));
            cursor = page.Body.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);

        Assert.Equal(Enumerable.Reverse(made), listed);
        var strangers = await nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/streams?broadcaster_id={broadcaster}", null, await nova.Api.TokenAsync());
        Assert.Equal(0, strangers.Body.GetProperty("streams").GetArrayLength());
        var granted = await nova.Api.SendAsync(
            HttpMethod.Get, $"/api/v1/streams?broadcaster_id={broadcaster}&status=scheduled", null, await nova.Api.TokenAsync(streams: [made[3]]));
        Assert.Equal(made[3], Assert.Single(granted.Body.GetProperty("streams").EnumerateArray()).GetProperty("stream_id").GetString());
    }
}
