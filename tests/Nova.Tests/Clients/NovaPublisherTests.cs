using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Nova.Client;
using Nova.Protocol;
using Nova.Tests.Contracts;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary><see cref="NovaPublisher"/> and <see cref="NovaIssues"/> against a Nova that runs.</summary>
public sealed class NovaPublisherTests(NovaFixture nova)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Broadcast_FromItsScheduleToItsEnd()
    {
        using var publisher = Publisher();
        var stream = await publisher.CreateAsync(new CreateStream("A broadcast", "About it", "Tester"), Stop);
        Assert.Equal((StreamStatus.Scheduled, "Tester", 1L), (stream.Status, stream.BroadcasterName, stream.Version));
        stream = await publisher.UpdateAsync(stream.StreamId, new UpdateStream(Title: "Another title"), stream.Version, Stop);
        stream = await publisher.StartAsync(stream.StreamId, new StartStream(StreamQuality.P1080, 60, 5000), stream.Version, Stop);
        Assert.Equal((StreamStatus.Active, "Another title"), (stream.Status, stream.Title));

        await using var viewer = await new TestStream(nova.Api, stream.StreamId.ToString(), "", "").WatchAsync();
        await publisher.HeartbeatAsync(stream.StreamId, Stop);
        await publisher.ReportBitrateAsync(stream.StreamId, 4850, Stop);
        await publisher.PublishErrorAsync(stream.StreamId, new PublishError("BUFFER_OVERFLOW", "Too much", ErrorSeverity.Warning, true, "None"), cancellationToken: Stop);
        stream = await publisher.ChangeQualityAsync(stream.StreamId, new ChangeQuality(StreamQuality.P720, 3000, QualityChangeReason.NetworkCongestion), cancellationToken: Stop);
        await viewer.WaitForAsync(EventNames.QualityChanged);
        Assert.Equal("BUFFER_OVERFLOW", (await viewer.WaitForAsync(EventNames.Error)).Text("error_code"));
        await viewer.WaitForAsync(EventNames.BitrateUpdate);

        var row = Assert.Single(await publisher.ListViewersAsync(stream.StreamId, Stop).ToListAsync(Stop));
        await publisher.KickAsync(stream.StreamId, row.ViewerId, Stop);
        Assert.Equal(4403, await viewer.WaitForCloseAsync());
        stream = await publisher.EndAsync(stream.StreamId, EndReason.Error, cancellationToken: Stop);
        Assert.Equal((StreamStatus.Ended, EndReason.Error), (stream.Status, stream.EndReason));
        Assert.Equal(stream.StreamId, (await publisher.ListAsync(StreamStatus.Ended, stream.BroadcasterId, Stop).ToListAsync(Stop)).Single().StreamId);
    }

    [Fact]
    public async Task Refusals_CarryWhatNovaSaid()
    {
        using var publisher = Publisher();
        var wrong = await Assert.ThrowsAsync<NovaApiException>(() => publisher.CreateAsync(new CreateStream(""), Stop));
        Assert.Equal((HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest), (wrong.Status, wrong.ErrorCode));
        Assert.Equal(["title"], wrong.Errors.Keys);

        var stream = await publisher.CreateAsync(new CreateStream("A broadcast"), Stop);
        var early = await Assert.ThrowsAsync<NovaApiException>(() => publisher.EndAsync(stream.StreamId, cancellationToken: Stop));
        Assert.Equal((HttpStatusCode.Conflict, ErrorCodes.InvalidTransition, StreamStatus.Scheduled), (early.Status, early.ErrorCode, early.StreamStatus));
        var stale = await Assert.ThrowsAsync<NovaApiException>(() => publisher.UpdateAsync(stream.StreamId, new UpdateStream("Other"), ifVersion: 7, Stop));
        Assert.Equal(ErrorCodes.VersionMismatch, stale.ErrorCode);
        await publisher.DeleteAsync(stream.StreamId, cancellationToken: Stop);
        Assert.Equal(HttpStatusCode.NotFound, (await Assert.ThrowsAsync<NovaApiException>(() => publisher.GetAsync(stream.StreamId, Stop))).Status);
    }

    [Fact]
    public async Task NovaIsAway_CallIsRepeated_AndHappensOnce()
    {
        await using var proxy = new TcpProxy(nova.Stack.Gateways[0]);
        var name = $"once-{Guid.NewGuid():N}";
        using var publisher = Publisher(proxy.Address, name);
        proxy.Stop();
        var creating = publisher.CreateAsync(new CreateStream("Once"), Stop);
        await Task.Delay(TimeSpan.FromSeconds(1), Stop);
        Assert.False(creating.IsCompleted);
        proxy.Start();
        var stream = await creating;
        Assert.Equal(stream.StreamId, Assert.Single(await publisher.ListAsync(broadcasterId: name, cancellationToken: Stop).ToListAsync(Stop)).StreamId);

        using var hasty = new NovaPublisher(new NovaClientOptions { Address = proxy.Address, Token = async _ => await nova.Api.TokenAsync(name, "broadcaster"), RetryFor = TimeSpan.FromSeconds(1) });
        proxy.Stop();
        await Assert.ThrowsAsync<HttpRequestException>(() => hasty.GetAsync(stream.StreamId, Stop).WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task RefusedToken_IsRenewedOnce()
    {
        var tokens = new Queue<string>(["no.token.this", await nova.Api.TokenAsync("renewed", "broadcaster")]);
        using var publisher = new NovaPublisher(new NovaClientOptions { Address = nova.Stack.Gateways[0], Token = _ => ValueTask.FromResult(tokens.Dequeue()) });
        await publisher.CreateAsync(new CreateStream("A broadcast"), Stop);
        Assert.Empty(tokens);
    }

    [Fact]
    public async Task Issues_AreFollowed_AcrossABrokenConnection()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var proxy = new TcpProxy(nova.Stack.Gateways[0]);
        using var issues = new NovaIssues(new NovaClientOptions { Address = proxy.Address, Token = async _ => await nova.Api.TokenAsync("operator", "operator") });
        var heard = new ConcurrentQueue<string>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var following = FollowAsync();
        await Eventually.TrueAsync(async () =>
        {
            await ReportAsync($"0-{Guid.NewGuid()}"); // Until the feed is open.
            return !heard.IsEmpty;
        }, "the feed is open");
        for (var report = 1; report <= 3; report++)
        {
            proxy.Stop();
            await ReportAsync($"{report}");
            proxy.Start();
            await Eventually.TrueAsync(() => Task.FromResult(heard.Contains($"{report}")), "the report is heard", TimeSpan.FromSeconds(30));
        }

        Assert.Equal(["1", "2", "3"], heard.Where(description => description.Length == 1));
        await enough.CancelAsync();
        await following;
        Assert.NotEmpty((await issues.GetQoeAsync(Guid.Parse(stream.Id), Stop)).Summary);

        async Task FollowAsync()
        {
            try
            {
                await foreach (var issue in issues.FollowAsync(new IssueFilter(Guid.Parse(stream.Id)), cancellationToken: enough.Token))
                {
                    heard.Enqueue(issue.Description);
                }
            }
            catch (OperationCanceledException)
            {
                // That is enough.
            }
        }

        async Task ReportAsync(string description)
        {
            await using var viewer = await stream.WatchAsync(); // Each takes 20 at once.
            await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","description":"{{{description}}}","report_id":"{{{description}}}"}}""");
            await viewer.WaitForAsync(EventNames.IssueReceived, receipt => receipt.GetProperty("report_id").GetString() == description);
        }
    }

    /// <summary>A member that one of them lacks or spells otherwise is found here.</summary>
    [Theory]
    [InlineData(typeof(CreateStream), "CreateStreamRequest")]
    [InlineData(typeof(UpdateStream), "UpdateStreamRequest")]
    [InlineData(typeof(StartStream), "StartStreamRequest")]
    [InlineData(typeof(ChangeQuality), "ChangeQualityRequest")]
    [InlineData(typeof(PublishError), "PublishErrorRequest")]
    [InlineData(typeof(StreamResource), "Stream")]
    [InlineData(typeof(ConnectedViewer), "ConnectedViewer")]
    [InlineData(typeof(Issue), "Issue")]
    public void Records_HaveTheMembersOfTheContract(Type record, string schema)
    {
        var document = JsonElement.Parse(File.ReadAllText(Path.Combine(Tools.Root, "docs", "openapi.json")));
        var promised = document.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").EnumerateObject().Select(member => member.Name);
        var members = record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(member => JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Name));
        Assert.Equal(promised.Order(), members.Order());
    }

    private NovaPublisher Publisher(Uri? gateway = null, string? name = null)
    {
        name ??= $"publisher-{Guid.NewGuid():N}";
        return new(new NovaClientOptions { Address = gateway ?? nova.Stack.Gateways[0], Token = async _ => await nova.Api.TokenAsync(name, "broadcaster") });
    }
}
