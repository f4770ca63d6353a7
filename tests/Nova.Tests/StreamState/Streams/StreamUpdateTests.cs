using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.StreamState.Streams;

/// <summary>S58: what is said about a stream may change while it is on.</summary>
public sealed class StreamUpdateTests(NovaFixture nova)
{
    [Fact]
    public async Task Patch_WhileLive_TellsEveryViewerWhatChanged_AndNothingElse()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var one = await stream.WatchAsync();
        await using var other = await stream.WatchAsync(gateway: 1);
        var answer = await PatchAsync(stream, """{"title":"New 🎬 title","description":""}""");
        Assert.Equal((HttpStatusCode.OK, "New 🎬 title"), (answer.Status, answer.Text("title")));
        Assert.Equal($"\"{answer.Body.GetProperty("version").GetInt64()}\"", answer.Headers["ETag"]);
        foreach (var viewer in new[] { one, other })
        {
            var update = await viewer.WaitForAsync(EventNames.StreamUpdated);
            Assert.Equal(["stream_id", "timestamp", "title"], update.Data.EnumerateObject().Select(member => member.Name));
            Assert.Equal("New 🎬 title", update.Text("title"));
        }

        Assert.Equal("New 🎬 title", (await stream.GetAsync()).Text("title"));
    }

    [Fact]
    public async Task Patch_TwiceWhileLive_LateJoinersGetBothAfterTheStart()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var early = await stream.WatchAsync();
        await PatchAsync(stream, """{"title":"Second"}""");
        await PatchAsync(stream, """{"description":"More"}""");
        await early.WaitForAsync(EventNames.StreamUpdated, update => update.TryGetProperty("description", out _));
        foreach (var gateway in new[] { 0, 1 }) // One has heard the updates, the other reads them from the snapshot.
        {
            await using var late = await stream.WatchAsync(gateway);
            var update = await late.WaitForAsync(EventNames.StreamUpdated);
            Assert.Equal(("Second", "More"), (update.Text("title"), update.Text("description")));
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.StreamUpdated], late.Events.Take(3));
            Assert.Equal("A test", (await late.WaitForAsync(EventNames.StreamStarted)).Text("title")); // As it was at the start (S15).
        }
    }

    [Fact]
    public async Task Patch_BeforeTheStart_IsToldToThoseWhoWait_AndInTheStartItself()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var waiting = await stream.WatchAsync();
        await PatchAsync(stream, """{"title":"Soon","broadcaster_name":"Ada"}""");
        Assert.Equal("Soon", (await waiting.WaitForAsync(EventNames.StreamUpdated)).Text("title"));
        await using var late = await stream.WatchAsync(gateway: 1);
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        Assert.Equal("Soon", (await late.WaitForAsync(EventNames.StreamStarted)).Text("title"));
        Assert.DoesNotContain(EventNames.StreamUpdated, late.Events); // S14: nothing but the greeting before the start.
        await late.SendAsync("""{"event":"get_stream_info","data":{"request_id":"1"}}""");
        Assert.Equal("Ada", (await late.WaitForAsync(EventNames.StreamInfo)).Text("broadcaster_name"));
    }

    [Fact]
    public async Task Patch_ThatChangesNothing_IsAnsweredAndNotBroadcast()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var before = (await stream.GetAsync()).Number("version");
        var answer = await PatchAsync(stream, """{"title":"A test","visibility":"public"}""", ("If-Match", $"\"{before}\""));
        Assert.Equal((HttpStatusCode.OK, before), (answer.Status, answer.Number("version")));
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await viewer.WaitForAsync(EventNames.QualityChanged);
        Assert.DoesNotContain(EventNames.StreamUpdated, viewer.Events);
    }

    [Theory]
    [InlineData("{}", "body")]
    [InlineData("""{"title":""}""", "title")]
    [InlineData("""{"title":7}""", "title")]
    [InlineData("""{"visibility":"hidden"}""", "visibility")]
    [InlineData("""{"title":"a","title":"b"}""", "title")]
    [InlineData("""{"Title":"Names are as they are written"}""", "body")]
    [InlineData("[]", "body")]
    [InlineData("", "body")]
    [InlineData("""{"broadcaster_name":" "}""", "broadcaster_name")]
    public async Task Patch_WithAWrongValue_NamesIt(string body, string field)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var answer = await PatchAsync(stream, body);
        Assert.Equal((HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest), (answer.Status, answer.ErrorCode));
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _), answer.Body.ToString());
    }

    /// <summary>Was: half of the promised length, where characters take two units of UTF-16.</summary>
    [Fact]
    public async Task Patch_WithTextOfFullLength_CountsCharactersAsReadersDo()
    {
        var stream = await nova.Api.CreateStreamAsync();
        Assert.Equal(HttpStatusCode.OK, (await PatchAsync(stream, JsonSerializer.Serialize(new { title = string.Concat(Enumerable.Repeat("🎬", 200)) }))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PatchAsync(stream, JsonSerializer.Serialize(new { title = string.Concat(Enumerable.Repeat("🎬", 201)) }))).Status);
    }

    [Fact]
    public async Task Patch_OfTheWrongCallerVersionOrState_IsRefused()
    {
        var stream = await nova.Api.StartStreamAsync();
        var foreign = await nova.Api.TokenAsync("somebody-else", "broadcaster");
        Assert.Equal(HttpStatusCode.Forbidden, (await nova.Api.SendAsync(HttpMethod.Patch, stream.Path, """{"title":"x"}""", foreign)).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await PatchAsync(stream, """{"title":"x"}""", ("If-Match", "\"999\""))).Status);
        await stream.PostAsync("end");
        Assert.Equal(ErrorCodes.InvalidTransition, (await PatchAsync(stream, """{"title":"x"}""")).ErrorCode);
    }

    [Fact]
    public async Task StreamThatTurnsPrivate_ClosesThoseWhoMayNotWatchIt_AndKeepsTheOthers()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var publicOnly = await stream.WatchAsync(gateway: 1);
        await using var allowed = await stream.WatchAsync(viewerToken: await nova.Api.TokenAsync("guest", streams: [stream.Id]));
        await using var broadcaster = await stream.WatchAsync(viewerToken: stream.Token);
        await PatchAsync(stream, """{"visibility":"private"}""");
        Assert.Equal(4403, await publicOnly.WaitForCloseAsync());
        Assert.Equal(ErrorCodes.Unauthorized, (await publicOnly.WaitForAsync(EventNames.Error)).Text("error_code"));
        foreach (var viewer in new[] { allowed, broadcaster })
        {
            Assert.Equal("private", (await viewer.WaitForAsync(EventNames.StreamUpdated)).Text("visibility"));
            await viewer.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 2);
            Assert.False(viewer.IsClosed);
        }
    }

    /// <summary>A new token on an open socket counts, whichever way it differs from the one before.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StreamThatTurnsPrivate_GoesByTheTokenAViewerHasNow(bool isNamed)
    {
        var stream = await nova.Api.StartStreamAsync();
        var named = await nova.Api.TokenAsync("guest", streams: [stream.Id]);
        var unnamed = await nova.Api.TokenAsync("guest");
        await using var viewer = await stream.WatchAsync(viewerToken: isNamed ? unnamed : named);
        await viewer.SendAsync($$$"""{"event":"refresh_token","data":{"token":"{{{(isNamed ? named : unnamed)}}}"}}""");
        await viewer.WaitForAsync(EventNames.TokenRefreshed);
        await PatchAsync(stream, """{"visibility":"private"}""");
        if (isNamed)
        {
            await viewer.WaitForAsync(EventNames.StreamUpdated);
            await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
            await viewer.WaitForAsync(EventNames.QualityChanged);
        }
        else
        {
            Assert.Equal(4403, await viewer.WaitForCloseAsync());
        }
    }

    private Task<Answer> PatchAsync(TestStream stream, string body, params (string Name, string Value)[] headers) =>
        nova.Api.SendAsync(HttpMethod.Patch, stream.Path, body, stream.Token, headers);
}
