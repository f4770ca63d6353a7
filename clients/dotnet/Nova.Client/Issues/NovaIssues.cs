using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Nova.Client.Publishing;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>What viewers suffer: for operators, and for broadcasters of their own streams. Errors and repeats are those of <see cref="NovaPublisher"/>.</summary>
public sealed class NovaIssues : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ApiCalls _calls;
    private readonly TimeProvider _time;

    public NovaIssues(NovaClientOptions options, HttpClient? http = null, TimeProvider? time = null) => (_calls, _time) = (new ApiCalls(options, http, time), time ?? TimeProvider.System);

    /// <summary>Newest first, page by page as they are read.</summary>
    public async IAsyncEnumerable<Issue> ListAsync(IssueFilter? filter = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? cursor = null;
        do
        {
            var page = await _calls.SendAsync(HttpMethod.Get, Address("/api/v1/issues", filter).Add("limit", "500").With("cursor", cursor), NovaClientJson.Default.IssuePage, null, null, cancellationToken);
            foreach (var issue in page.Issues)
            {
                yield return issue;
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    /// <summary>Every report from now on, as it is stored. A connection that is lost is made again and goes on after the last one, without loss or repeat; before the first one it goes on from then.</summary>
    /// <param name="filter">Which reports.</param>
    /// <param name="opened">Called when the feed is open: what is stored from then on comes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<Issue> FollowAsync(IssueFilter? filter = null, Action? opened = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var lastId = "";
        while (true)
        {
            await using var events = ReadEventsAsync(filter, lastId, opened, cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (await TryMoveAsync(events, cancellationToken))
            {
                lastId = events.Current.EventId ?? lastId;
                if (events.Current is { EventType: "issue", Data: { Length: > 0 } data })
                {
                    yield return JsonSerializer.Deserialize(data, NovaClientJson.Default.Issue)!;
                }
            }

            await Task.Delay(Pause, _time, cancellationToken);
        }
    }

    /// <summary>A broadcast beside what its viewers reported, and which change hurt them.</summary>
    public Task<Qoe> GetQoeAsync(Guid streamId, CancellationToken cancellationToken = default) =>
        _calls.SendAsync(HttpMethod.Get, $"/api/v1/streams/{streamId}/qoe", NovaClientJson.Default.Qoe, null, null, cancellationToken);

    public void Dispose() => _calls.Dispose();

    private async IAsyncEnumerable<SseItem<string>> ReadEventsAsync(IssueFilter? filter, string lastId, Action? opened, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var answer = await _calls.SendAsync(HttpMethod.Get, Address("/api/v1/issues/stream", filter).Address, null, null, cancellationToken, lastId);
        opened?.Invoke();
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var item in SseParser.Create(new IdleTimeoutStream(body)).EnumerateAsync(cancellationToken))
        {
            yield return item;
        }
    }

    /// <returns>False where the connection ended or broke.</returns>
    private static async Task<bool> TryMoveAsync(IAsyncEnumerator<SseItem<string>> events, CancellationToken cancellationToken)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or TaskCanceledException or NovaApiException { Status: HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError }
            && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static Query Address(string path, IssueFilter? filter) => new Query(path)
        .Add("stream_id", filter?.StreamId?.ToString())
        .Add("since", Time(filter?.Since))
        .Add("until", Time(filter?.Until))
        .Add("issue_type", filter?.IssueType is { } type ? WireNames<IssueType>.Of(type) : null)
        .Add("severity", filter?.Severity is { } severity ? WireNames<IssueSeverity>.Of(severity) : null);

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
