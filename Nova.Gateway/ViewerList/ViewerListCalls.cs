using System.Text.Json;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.Presence;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using StackExchange.Redis;

namespace Nova.Gateway.ViewerList;

/// <summary>
/// Who watches a stream, from the gateways that hold the sockets: one asks on the stream's channel, each answers on a channel that only the asker
/// listens to. Nothing of it is stored.
/// </summary>
internal sealed class ViewerListCalls(
    ViewerListRequests requests, EventChannels channels, IConnectionMultiplexer redis, GatewayLease lease, LoopGuards guards, TimeProvider time) : IHostedService
{
    /// <summary>How long gateways have to answer. They do within milliseconds; one that hangs is not waited for much longer than a Redis that does.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>One room is searched at a time: going through 50,000 viewers takes tens of milliseconds of a core.</summary>
    private readonly SemaphoreSlim _search = new(1, 1);

    private readonly LoopGuard _guard = guards["viewer list"];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        requests.Asked += OnAsked;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        requests.Asked -= OnAsked;
        return Task.CompletedTask;
    }

    /// <returns>The first rows of all gateways after the question's position, and the gateways that did not answer.</returns>
    /// <exception cref="RedisException">Redis does not take the question.</exception>
    public async Task<(List<ConnectedViewer> Viewers, List<string> Missing)> AskAsync(Guid streamId, ViewerListQuestion question)
    {
        var replies = channels.Subscribe(ReplyChannel(streamId, question.Id));
        try
        {
            await channels.WaitUntilSubscribedAsync(replies);
            var missing = (await FindGatewaysAsync(streamId)).ToHashSet();
            byte[] message = [ViewerListRequests.Message, .. JsonSerializer.SerializeToUtf8Bytes(question, ViewerListJson.Default.ViewerListQuestion)];
            await channels.PublishAsync(LiveKeys.Channel(streamId), message);
            return (await CollectAsync(replies, missing), [.. missing.Order()]);
        }
        finally
        {
            EventChannels.Unsubscribe(replies);
        }
    }

    private async Task<List<ConnectedViewer>> CollectAsync(ChannelMessageQueue replies, HashSet<string> missing)
    {
        List<ConnectedViewer> viewers = [];
        using var deadline = new CancellationTokenSource(Patience, time);
        try
        {
            while (missing.Count > 0)
            {
                var reply = await replies.ReadAsync(deadline.Token);
                if (ReadAnswer((byte[])reply.Message!) is { } answer && missing.Remove(answer.Gateway))
                {
                    viewers.AddRange(answer.Viewers);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The answer says who is missing.
        }

        return viewers;
    }

    private static ViewerListAnswer? ReadAnswer(byte[] message)
    {
        try
        {
            return JsonSerializer.Deserialize(message, ViewerListJson.Default.ViewerListAnswer);
        }
        catch (JsonException)
        {
            return null; // Somebody else published it.
        }
    }

    /// <summary>The live gateways that reported viewers of this stream.</summary>
    private async Task<IEnumerable<string>> FindGatewaysAsync(Guid streamId)
    {
        var fields = await redis.GetDatabase().HashGetAllAsync(LiveKeys.Stream(streamId));
        var live = (await lease.LookAsync()).Live;
        return LiveKeys.GatewaysOf(fields.Where(field => field.Value.TryParse(out int viewers) && viewers > 0).Select(field => (string)field.Name!)).Where(live.Contains);
    }

    private void OnAsked(StreamRoom room, ReadOnlyMemory<byte> request) => _guard.Start(() => AnswerAsync(room, request));

    private async Task AnswerAsync(StreamRoom room, ReadOnlyMemory<byte> request)
    {
        await Task.Yield(); // Out of the feed's turn.
        if (ReadQuestion(request) is not { } question || room.LocalViewers == 0)
        {
            return;
        }

        await _search.WaitAsync();
        ViewerListAnswer answer;
        try
        {
            answer = new ViewerListAnswer(lease.Id, Find(room, question));
        }
        finally
        {
            _search.Release();
        }

        await channels.PublishAsync(ReplyChannel(room.StreamId, question.Id), JsonSerializer.SerializeToUtf8Bytes(answer, ViewerListJson.Default.ViewerListAnswer));
    }

    private static ViewerListQuestion? ReadQuestion(ReadOnlyMemory<byte> request)
    {
        try
        {
            return JsonSerializer.Deserialize(request.Span, ViewerListJson.Default.ViewerListQuestion);
        }
        catch (JsonException)
        {
            return null; // Somebody else published it.
        }
    }

    private List<ConnectedViewer> Find(StreamRoom room, ViewerListQuestion question)
    {
        var now = time.GetUtcNow();
        var self = lease.Id;
        return
        [
            .. room.Viewers
                .Where(viewer => IsAfter(viewer.ViewerId, self, question))
                .GroupBy(viewer => viewer.ViewerId)
                .OrderBy(viewer => viewer.Key)
                .Take(Math.Clamp(question.Rows, 0, ViewerListApi.MaxRows))
                .Select(viewer => new ConnectedViewer(
                    viewer.Key, viewer.Count(), now - viewer.Max(session => session.Token.Age), self, viewer.First().Token.Subject)),
        ];
    }

    private static bool IsAfter(Guid viewerId, string gateway, ViewerListQuestion question) =>
        viewerId.CompareTo(question.AfterViewer) is var order && (order > 0 || (order == 0 && string.CompareOrdinal(gateway, question.AfterGateway) > 0));

    private static string ReplyChannel(Guid streamId, Guid question) => $"{LiveKeys.Channel(streamId)}:viewers:{question:N}";
}
