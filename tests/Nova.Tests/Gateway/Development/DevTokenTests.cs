using System.Net;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Development;

public sealed class DevTokenTests(NovaFixture nova)
{
    [Fact]
    public async Task TokenForEveryStream_WatchesAPrivateOne()
    {
        var stream = await nova.Api.CreateStreamAsync(visibility: "private");
        var answer = await CreateAsync("""{"sub":"guest","streams":"*"}""");
        await using var viewer = await stream.WatchAsync(viewerToken: answer.Text("token"));
        Assert.False(viewer.IsClosed);
    }

    [Theory]
    [InlineData("""{"streams":"all"}""", "streams")]
    [InlineData("""{"streams":["not-an-id"]}""", "streams")]
    [InlineData("""{"streams":5}""", "streams")]
    [InlineData("""{"role":"admin"}""", "role")]
    [InlineData("""{"ttl_seconds":0}""", "ttl_seconds")]
    public async Task WrongValue_IsNamed(string body, string field)
    {
        var answer = await CreateAsync(body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _), answer.Body.ToString());
    }

    private Task<Answer> CreateAsync(string body) => nova.Api.SendAsync(HttpMethod.Post, "/dev/tokens", body, null);
}
