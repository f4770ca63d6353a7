using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.Gateway.ViewerList;

/// <summary>S59: a broadcaster and operators can ask who watches, over all gateways.</summary>
public sealed class ViewerListTests(NovaFixture nova)
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task List_OverTwoGateways_HasEveryViewerOnceForEachGateway_PageByPage(int limit)
    {
        var stream = await nova.Api.StartStreamAsync();
        List<Viewer> viewers = [];
        try
        {
            for (var i = 0; i < 9; i++)
            {
                viewers.Add(await stream.WatchAsync(gateway: i % 2));
            }

            var twice = await nova.Api.TokenAsync($"twice-{stream.Id}");
            viewers.Add(await stream.WatchAsync(viewerToken: twice));
            viewers.Add(await stream.WatchAsync(viewerToken: twice));
            viewers.Add(await stream.WatchAsync(gateway: 1, viewerToken: twice)); // A row for each gateway, which a page may end between.
            await viewers[0].WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == viewers.Count);
            var expected = viewers.Take(9).Append(viewers[^1]).Append(viewers[^1]).Select(viewer => viewer.Frames[0].Text("viewer_id")).Order(StringComparer.Ordinal).ToList();

            List<JsonElement> rows = [];
            string? cursor = null;
            do
            {
                var page = await ListAsync(stream, stream.Token, $"?limit={limit}&cursor={cursor}");
                Assert.Equal(HttpStatusCode.OK, page.Status);
                Assert.Empty(page.Body.GetProperty("missing_gateways").EnumerateArray());
                rows.AddRange(page.Body.GetProperty("viewers").EnumerateArray());
                cursor = page.Body.GetProperty("next_cursor").GetString();
            }
            while (cursor is not null);

            Assert.Equal(expected, rows.Select(row => row.GetProperty("viewer_id").GetString()!));
            Assert.Equal(2, rows.Select(row => row.GetProperty("gateway").GetString()).Distinct().Count());
            Assert.Equal(viewers.Count, rows.Sum(row => row.GetProperty("sessions").GetInt32()));
            Assert.All(rows, row => Assert.False(row.TryGetProperty("subject", out _)));
            Assert.All(rows, row => Assert.InRange(DateTimeOffset.UtcNow - row.GetProperty("connected_since").GetDateTimeOffset(), TimeSpan.Zero, Api.Patience));
        }
        finally
        {
            viewers.ForEach(viewer => viewer.Abort());
        }
    }

    [Fact]
    public async Task List_ForAnOperator_NamesSubjects_SoThatAKickFindsTheViewer()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(viewerToken: await nova.Api.TokenAsync("ada@example.org"));
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        var row = (await ListAsync(stream, await nova.Api.TokenAsync("ops", "operator"))).Body.GetProperty("viewers").EnumerateArray().Single();
        Assert.Equal("ada@example.org", row.GetProperty("subject").GetString());
        await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{row.GetProperty("viewer_id").GetString()}", null, stream.Token);
        Assert.Equal(4403, await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task List_OfAnEndedOrUnwatchedStream_IsEmpty()
    {
        var stream = await nova.Api.StartStreamAsync();
        Assert.Empty((await ListAsync(stream, stream.Token)).Body.GetProperty("viewers").EnumerateArray());
        await stream.PostAsync("end");
        Assert.Empty((await ListAsync(stream, stream.Token)).Body.GetProperty("viewers").EnumerateArray());
    }

    [Fact]
    public async Task List_WhereAGatewayDoesNotAnswer_NamesIt_AndHasTheOthersViewers()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        var database = redis.GetDatabase();
        await database.HashSetAsync(LiveKeys.Stream(Guid.Parse(stream.Id)), LiveKeys.ViewersOf("frozen"), 3);
        await database.SortedSetAddAsync(LiveKeys.Gateways, "frozen", DateTimeOffset.UtcNow.AddSeconds(10).ToUnixTimeMilliseconds());
        try
        {
            Answer list = null!;
            await Eventually.TrueAsync(
                async () => (list = await ListAsync(stream, stream.Token)).Body.GetProperty("missing_gateways").EnumerateArray().Any(id => id.GetString() == "frozen"),
                "the frozen gateway is named");
            Assert.Equal(viewer.Frames[0].Text("viewer_id"), list.Body.GetProperty("viewers").EnumerateArray().Single().GetProperty("viewer_id").GetString());
        }
        finally
        {
            await database.SortedSetRemoveAsync(LiveKeys.Gateways, "frozen");
        }
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=201", "limit")]
    [InlineData("cursor=abc", "cursor")]
    [InlineData("cursor=%20", "cursor")]
    public async Task List_WithAWrongFilter_NamesIt(string query, string field)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var answer = await ListAsync(stream, stream.Token, $"?{query}");
        Assert.Equal((HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest), (answer.Status, answer.ErrorCode));
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _));
    }

    [Fact]
    public async Task List_ForAnybodyElse_IsRefused()
    {
        var stream = await nova.Api.CreateStreamAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await ListAsync(stream, null)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await ListAsync(stream, await nova.Api.TokenAsync())).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await ListAsync(stream, await nova.Api.TokenAsync("other", "broadcaster"))).Status);
        var unknown = await nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/streams/{Guid.NewGuid()}/viewers", null, stream.Token);
        Assert.Equal((HttpStatusCode.NotFound, ErrorCodes.StreamNotFound), (unknown.Status, unknown.ErrorCode));
    }

    private Task<Answer> ListAsync(TestStream stream, string? token, string query = "") =>
        nova.Api.SendAsync(HttpMethod.Get, $"{stream.Path}/viewers{query}", null, token);
}
