using System.Net;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.StreamState.Streams;

/// <summary>S58: a stream that has not started can be deleted.</summary>
public sealed class StreamDeletionTests(NovaFixture nova)
{
    [Fact]
    public async Task Delete_OfAScheduledStream_ClosesWhoWaits_AndNothingIsLeft()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var one = await stream.WatchAsync();
        await using var other = await stream.WatchAsync(gateway: 1);
        await nova.Api.SendAsync(HttpMethod.Patch, stream.Path, """{"title":"Soon"}""", stream.Token);
        Assert.Equal(HttpStatusCode.Accepted, (await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{Guid.NewGuid()}", null, stream.Token)).Status);
        var answer = await DeleteAsync(stream);
        Assert.Equal((HttpStatusCode.NoContent, default), (answer.Status, answer.Body.ValueKind));
        foreach (var viewer in new[] { one, other })
        {
            Assert.Equal(1000, await viewer.WaitForCloseAsync());
            var error = await viewer.WaitForAsync(EventNames.Error);
            Assert.Equal((ErrorCodes.StreamNotFound, false), (error.Text("error_code"), error.Data.GetProperty("recoverable").GetBoolean()));
        }

        Assert.Equal(HttpStatusCode.NotFound, (await stream.GetAsync()).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await DeleteAsync(stream)).Status);
        var list = await nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/streams?broadcaster_id={stream.Broadcaster}", null, stream.Token);
        Assert.Empty(list.Body.GetProperty("streams").EnumerateArray());
    }

    [Fact]
    public async Task Create_WithTheIdOfADeletedStream_IsRefused_SinceAnIdIsUsedOnce()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await DeleteAsync(stream);
        var again = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", $$"""{"title":"Again","stream_id":"{{stream.Id}}"}""", stream.Token);
        Assert.Equal((HttpStatusCode.Conflict, ErrorCodes.StreamExists), (again.Status, again.ErrorCode));
    }

    [Theory]
    [InlineData("active")]
    [InlineData("ended")]
    public async Task Delete_OfABroadcastThatHasBegun_IsRefused(string status)
    {
        var stream = await nova.Api.StartStreamAsync();
        if (status == "ended")
        {
            await stream.PostAsync("end");
        }

        var answer = await DeleteAsync(stream);
        Assert.Equal((HttpStatusCode.Conflict, ErrorCodes.InvalidTransition, status), (answer.Status, answer.ErrorCode, answer.Text("status")));
    }

    [Fact]
    public async Task Delete_OfTheWrongCallerOrVersion_IsRefused()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var foreign = await nova.Api.TokenAsync("somebody-else", "broadcaster");
        Assert.Equal(HttpStatusCode.Forbidden, (await nova.Api.SendAsync(HttpMethod.Delete, stream.Path, null, foreign)).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await DeleteAsync(stream, ("If-Match", "\"7\""))).Status);
        Assert.Equal(HttpStatusCode.OK, (await stream.GetAsync()).Status);
    }

    private Task<Answer> DeleteAsync(TestStream stream, params (string Name, string Value)[] headers) =>
        nova.Api.SendAsync(HttpMethod.Delete, stream.Path, null, stream.Token, headers);
}
