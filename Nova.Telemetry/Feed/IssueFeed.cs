using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Npgsql;

namespace Nova.Telemetry.Feed;

/// <summary>
/// The operators' feed: reports and alerts as they are stored, each once and in one order, from any replica. It reads up to the oldest transaction that is
/// still under way, so that nothing appears behind a position that was told (as the timeline does, decision 0013).
/// </summary>
internal sealed class IssueFeed(
    NpgsqlDataSource dataSource, IssueQueries issues, AlertStore alerts, IOptions<TelemetryOptions> options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    public const string Issue = "issue";
    public const string AlertRaised = "alert_raised";
    public const string AlertCleared = "alert_cleared";

    private const int PageSize = 500;

    /// <summary>Proxies close what is silent for a minute.</summary>
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);

    private static readonly Guid LastId = Guid.AllBitsSet;

    /// <param name="after">What the reader has; null begins with what is stored from now on.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync(
        IssueFilter filter, FeedPosition? after, HttpResponse response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        var position = after ?? new FeedPosition(await ReadHorizonAsync(stopping.Token) - 1, LastId);
        await CommentAsync(response, "the feed begins", stopping.Token);
        var spoke = time.GetTimestamp();
        while (await TryReadAsync(filter, position, stopping.Token) is { } page)
        {
            foreach (var (at, item) in page.Items)
            {
                position = at;
                spoke = time.GetTimestamp();
                yield return item;
                if (time.GetElapsedTime(spoke) > options.Value.FeedPatience)
                {
                    await CommentAsync(response, "this reader is too slow; come back with the Last-Event-ID", stopping.Token);
                    yield break;
                }
            }

            if (!page.IsFull)
            {
                position = page.Horizon - 1 > position.Transaction ? new(page.Horizon - 1, LastId) : position; // The filter took nothing of what lies between.
                if (time.GetElapsedTime(spoke) > HeartbeatInterval)
                {
                    await CommentAsync(response, "heartbeat", stopping.Token);
                    spoke = time.GetTimestamp();
                }

                await Task.Delay(options.Value.FeedInterval, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <returns>Null once the reader is gone, or this service stops: the reader goes on at another replica.</returns>
    private async Task<Page?> TryReadAsync(IssueFilter filter, FeedPosition after, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            return await ReadPageAsync(filter, after, await ReadHorizonAsync(cancellationToken), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<Page> ReadPageAsync(IssueFilter filter, FeedPosition after, ulong horizon, CancellationToken cancellationToken)
    {
        var stored = await issues.ReadStoredAsync(filter, after, horizon, PageSize, cancellationToken);
        var isFull = stored.Count == PageSize;
        var changed = await alerts.ReadChangedAsync(filter.StreamId, after, horizon, cancellationToken);
        var items = stored.Select(row => (row.Position, Item: ItemOf(Issue, row.Position, JsonSerializer.Serialize(row.Issue, TelemetryJson.Default.IssueResource))))
            .Concat(changed.Where(change => Matches(filter, change.Alert) && (!isFull || change.Position.CompareTo(stored[^1].Position) < 0)).Select(change => (
                change.Position,
                Item: ItemOf(change.IsCleared ? AlertCleared : AlertRaised, change.Position, JsonSerializer.Serialize(change.Alert, TelemetryJson.Default.QualityAlert)))))
            .OrderBy(item => item.Position);
        return new([.. items], isFull, horizon);
    }

    private static bool Matches(IssueFilter filter, QualityAlert alert) =>
        (filter.IssueType is null || filter.IssueType == alert.IssueType) && !(alert.RaisedAt < filter.Since) && !(alert.RaisedAt >= filter.Until);

    private static SseItem<string> ItemOf(string name, FeedPosition position, string json) => new(json, name) { EventId = position.ToString() };

    /// <summary>The oldest transaction that is still under way: what comes before it is complete.</summary>
    private async Task<ulong> ReadHorizonAsync(CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())::text");
        return FeedPosition.Of((string)(await select.ExecuteScalarAsync(cancellationToken))!, default).Transaction;
    }

    /// <summary>Between two events, since the framework waits for the next one now.</summary>
    private static async Task CommentAsync(HttpResponse response, string text, CancellationToken cancellationToken)
    {
        await response.WriteAsync($": {text}\n\n", cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }

    /// <param name="IsFull">There may be more.</param>
    /// <param name="Horizon">Up to where it was read.</param>
    private sealed record Page(IReadOnlyList<(FeedPosition Position, SseItem<string> Item)> Items, bool IsFull, ulong Horizon);
}
