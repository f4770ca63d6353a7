using System.Diagnostics;
using System.Net;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using Npgsql;
using StackExchange.Redis;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.9: <c>error</c>, its members, and each of the common codes.</summary>
public sealed class ErrorRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const string WrongValue = """{"event":"report_issue","data":{"issue_type":"noise","severity":"low"}}""";

    [Fact]
    public async Task R63_Error_FromEverySource_HasAllSixFields()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("error", Ingest("BUFFER_OVERFLOW", "warning", recoverable: true));
        await viewer.WaitForAsync(EventNames.Error);
        await viewer.SendAsync(WrongValue);
        await viewer.SendAsync("{");
        await viewer.WaitForCloseAsync();
        await stream.PostAsync("end");
        await using var late = await stream.WatchAsync(gateway: 1);
        await late.WaitForCloseAsync();

        Assert.Equal(3, viewer.Of(EventNames.Error).Count);
        Assert.Single(late.Of(EventNames.Error));
        Assert.All(viewer.Of(EventNames.Error).Concat(late.Of(EventNames.Error)), Ask.AssertErrorShape);
    }

    [Fact]
    public async Task R64_Severity_IsOneOfFour()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        foreach (var severity in new[] { "info", "warning", "error", "critical" })
        {
            await stream.PostAsync("error", Ingest("BUFFER_OVERFLOW", severity, recoverable: true));
            await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("severity").GetString() == severity);
        }

        Assert.Equal(HttpStatusCode.BadRequest, (await stream.TryPostAsync("error", Ingest("BUFFER_OVERFLOW", "fatal", recoverable: true))).Status);
        await viewer.InfoAsync();
        Assert.Equal(4, viewer.Of(EventNames.Error).Count);
    }

    [Fact]
    public async Task R65_Recoverable_SaysWhetherTheConnectionGoesOn()
    {
        var stream = await Api.StartStreamAsync();
        await using var going = await stream.WatchAsync();
        await going.SendAsync(WrongValue);
        var recoverable = await going.WaitForAsync(EventNames.Error);
        Assert.True(recoverable.IsRecoverable());
        do
        {
            await going.InfoAsync();
            await Task.Delay(500); // Between two questions of a viewer that goes on; how many do not matter.
        }
        while (Stopwatch.GetElapsedTime(recoverable.ReceivedAt) < TimeSpan.FromSeconds(5));
        Assert.Null(going.CloseCode);

        await using var done = await stream.WatchAsync();
        await done.SendAsync("{");
        Assert.False((await done.WaitForAsync(EventNames.Error)).IsRecoverable());
        Assert.NotNull(await done.WaitForCloseAsync());
    }

    /// <summary>No API deletes a stream; what the retention does after a day, the test does to the row.</summary>
    [Fact]
    public async Task R66_StreamNotFound_IsTheBodyOfA404_AndAnEventWhereTheStreamGoes()
    {
        var refused = await Api.RefusalAsync($"/api/v1/streams/{Guid.NewGuid()}/ws?token={await Api.TokenAsync()}");
        Assert.Equal((HttpStatusCode.NotFound, ErrorCodes.StreamNotFound), (refused.Status, refused.ErrorCode));

        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForCountAsync(1);
        await using (var streams = NpgsqlDataSource.Create(Nova.Stack.ConnectionString("streams")))
        {
            await using var command = streams.CreateCommand("DELETE FROM streams WHERE stream_id = $1");
            command.Parameters.Add(new() { Value = Guid.Parse(stream.Id) });
            Assert.Equal(1, await command.ExecuteNonQueryAsync());
        }

        await PublishAsync(stream, ChannelEvents.Quality(stream.Id, version: 9, number: 1)); // A gap, and nothing there that could close it.
        var gone = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal((ErrorCodes.StreamNotFound, false), (gone.Text("error_code"), gone.IsRecoverable()));
        Assert.NotNull(await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task R67_StreamEnded_IsToldToWhoComesAfterTheEnd()
    {
        var stream = await Api.StartStreamAsync();
        await stream.PostAsync("end");
        await using var viewer = await stream.WatchAsync(gateway: 1);
        Assert.Equal(ErrorCodes.StreamEnded, (await viewer.WaitForAsync(EventNames.Error)).Text("error_code"));
    }

    /// <summary>What revokes a connected viewer is the kick call of 3.2; its event's own code is <c>UNAUTHORIZED</c> (R74).</summary>
    [Fact]
    public async Task R68_ConnectionRejected_IsTheBodyOfA401_AndWhoIsRevokedIsToldAndClosed()
    {
        var stream = await Api.StartStreamAsync();
        var refused = await Api.RefusalAsync($"{stream.Path}/ws?token=abc");
        Assert.Equal((HttpStatusCode.Unauthorized, ErrorCodes.ConnectionRejected), (refused.Status, refused.ErrorCode));

        await using var viewer = await stream.WatchAsync(gateway: 1);
        await KickAsync(stream, viewer);
        Ask.AssertErrorShape(await viewer.WaitForAsync(EventNames.Error));
        Assert.Equal(4403, await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task R69_ProtocolError_ComesBeforeTheCloseOfAMalformedMessage()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await viewer.SendAsync("{");
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
        Assert.Equal((EventNames.Error, ErrorCodes.ProtocolError), (viewer.Events[^1], viewer.Frames[^1].Text("error_code")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task R71_RtmpConnectionLost_ReachesAllViewersAsInTheDocument(int gateway) => await AssertPassesAsync(
        gateway,
        """{"error_code":"RTMP_CONNECTION_LOST","error_message":"RTMP broadcaster connection lost","severity":"critical","recoverable":false,"suggested_action":"Refresh page or try again later"}""");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task R72_RtmpHandshakeFailed_ReachesAllViewersAsItWasTold(int gateway) => await AssertPassesAsync(
        gateway,
        """{"error_code":"RTMP_HANDSHAKE_FAILED","error_message":"RTMP protocol error","severity":"error","recoverable":false,"suggested_action":"Try again later"}""");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task R73_BufferOverflow_ReachesAllViewersAsItWasTold(int gateway) => await AssertPassesAsync(
        gateway,
        """{"error_code":"BUFFER_OVERFLOW","error_message":"Ingestion “buffer” overflow 🎬","severity":"warning","recoverable":true,"suggested_action":"None"}""");

    [Fact]
    public async Task R74_Unauthorized_IsTheBodyOfA403_AndAnEventWhereTheRightIsLost()
    {
        var hidden = await Api.CreateStreamAsync("private");
        var refused = await Api.RefusalAsync($"{hidden.Path}/ws?token={await Api.TokenAsync()}");
        Assert.Equal((HttpStatusCode.Forbidden, ErrorCodes.Unauthorized), (refused.Status, refused.ErrorCode));

        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await KickAsync(stream, viewer);
        var error = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal((ErrorCodes.Unauthorized, false), (error.Text("error_code"), error.IsRecoverable()));
    }

    private static string Ingest(string code, string severity, bool recoverable) =>
        $$"""{"error_code":"{{code}}","error_message":"m","severity":"{{severity}}","recoverable":{{(recoverable ? "true" : "false")}},"suggested_action":"a"}""";

    private async Task KickAsync(TestStream stream, Viewer viewer)
    {
        await viewer.WaitForAsync(EventNames.ViewerCountChanged); // It is counted, so its room hears commands.
        var path = $"{stream.Path}/viewers/{viewer.Frames[0].Text("viewer_id")}";
        Assert.Equal(HttpStatusCode.Accepted, (await Api.SendAsync(HttpMethod.Delete, path, null, stream.Token)).Status);
    }

    /// <summary>Exactly what the broadcaster said and the time, in the document's order of members.</summary>
    private async Task AssertPassesAsync(int gateway, string error)
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway);
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        await stream.PostAsync("error", error);
        var frame = await viewer.WaitForAsync(EventNames.Error);
        Ask.AssertErrorShape(frame);
        var expected = System.Text.Json.JsonElement.Parse(error).EnumerateObject().Select(member => (member.Name, member.Value.ToString()));
        Assert.Equal(expected, frame.Data.EnumerateObject().Select(member => (member.Name, member.Value.ToString())).SkipLast(1));
        Assert.Equal("timestamp", frame.Data.EnumerateObject().Last().Name);
    }

    private async Task PublishAsync(TestStream stream, byte[] message)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(Nova.Stack.ConnectionString("redis"));
        await redis.GetSubscriber().PublishAsync(RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id))), message);
    }
}
