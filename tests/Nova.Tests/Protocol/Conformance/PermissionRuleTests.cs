using System.Net;
using System.Net.WebSockets;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>S41 and S42: which pages may connect, and who may change what viewers see.</summary>
public sealed class PermissionRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S41_AnyOrigin_MayConnectByDefault_AndOnlyTheListedOnesWhereThereIsAList()
    {
        var stream = await Api.CreateStreamAsync();
        Assert.Equal(101, await ConnectAsync(Api, stream, "https://anywhere.example"));

        await using var stack = await Nova.StartStackAsync(new Dictionary<string, string?> { ["Gateway:AllowedOrigins"] = "https://nova.example, http://localhost:3000" });
        var api = new Api(stack);
        var guarded = await api.CreateStreamAsync();
        foreach (var (origin, status) in new[] { ("https://nova.example", 101), ("http://localhost:3000", 101), (null, 101), ("https://evil.example", 403), ("null", 403) })
        {
            Assert.Equal(status, await ConnectAsync(api, guarded, origin));
        }
    }

    [Fact]
    public async Task S42_AViewersToken_ChangesNothing_AndNoMoreDoesAnotherBroadcasters()
    {
        var (stream, other) = (await Api.StartStreamAsync(), await Api.CreateStreamAsync());
        await using var watching = await stream.WatchAsync();
        await watching.WaitForAsync(EventNames.ViewerCountChanged);
        var before = watching.Frames.Count;
        foreach (var token in new[] { await Api.TokenAsync(), await Api.TokenAsync(streams: ["*"]), await Api.TokenAsync(stream.Broadcaster), other.Token })
        {
            foreach (var (call, body) in new[]
            {
                ("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}"""), ("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}"""),
                ("bitrate", """{"current_bitrate_kbps":4850}"""), ("heartbeat", "{}"), ("end", "{}"),
                ("error", """{"error_code":"X","error_message":"m","severity":"error","recoverable":true,"suggested_action":"a"}"""),
            })
            {
                var answer = await Api.SendAsync(HttpMethod.Post, $"{stream.Path}/{call}", body, token);
                Assert.Equal((HttpStatusCode.Forbidden, "UNAUTHORIZED"), (answer.Status, answer.ErrorCode));
            }

            var kick = await Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{watching.Frames[0].Text("viewer_id")}", null, token);
            Assert.Equal(HttpStatusCode.Forbidden, kick.Status);
        }

        // Nor does anything said on a socket reach anybody else.
        await using var talking = await stream.WatchAsync(gateway: 1);
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 2);
        await talking.SendAsync("""{"event":"report_issue","data":{"issue_type":"other","severity":"high","description":"tell everybody","report_id":"r"}}""");
        await talking.WaitForAsync(EventNames.IssueReceived);
        await talking.SendAsync("""{"event":"quality_changed","data":{"new_quality":"720p"}}""");
        Assert.Equal(1003, await talking.WaitForCloseAsync());
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("change").GetInt32() == -1);
        Assert.All(watching.Events.Skip(before).Where(name => name != EventNames.Ping), name => Assert.Equal(EventNames.ViewerCountChanged, name));
    }

    private static async Task<int> ConnectAsync(Api api, TestStream stream, string? origin)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        if (origin is not null)
        {
            socket.Options.SetRequestHeader("Origin", origin);
        }

        try
        {
            await socket.ConnectAsync(Viewer.Address(api.Gateways[0], stream.Id, await api.TokenAsync()), TestContext.Current.CancellationToken);
        }
        catch (WebSocketException)
        {
            // The status says it.
        }

        return (int)socket.HttpStatusCode;
    }
}
