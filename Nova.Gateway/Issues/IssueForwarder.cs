using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Background;
using Polly;

namespace Nova.Gateway.Issues;

/// <summary>
/// Sends viewers' reports to Telemetry in batches. The queue holds them while Telemetry is unavailable; when it is full the viewer is told. A
/// viewer that gave a <c>report_id</c> gets <c>issue_received</c> after Telemetry has committed, never before (S34).
/// </summary>
internal sealed class IssueForwarder(
    IHttpClientFactory clients, IOptions<GatewayOptions> options, GatewayMetrics metrics, LoopGuards guards, TimeProvider time, ILogger<IssueForwarder> logger)
    : BackgroundService
{
    /// <summary>Name of the client that reaches Telemetry.</summary>
    public const string Client = "telemetry";

    /// <summary>Telemetry takes no more at once. A batch is what has come while the last one was stored, so they grow under load.</summary>
    private const int MaxBatch = 1000;

    /// <summary>Batches under way at once: while one waits for its commit the next is made and sent.</summary>
    private const int Deliveries = 4;

    private readonly LoopGuard _guard = guards["issue forwarder"];
    private readonly LogThrottle _warnings = new(time);
    private readonly CancellationTokenSource _handBack = new();

    /// <summary>Full means that Telemetry is unavailable: <see cref="Accept"/> then tells the viewer, and counts it.</summary>
    private readonly Channel<PendingIssue> _queue = Channel.CreateBounded<PendingIssue>(options.Value.IssueQueue);

    private volatile bool _isClosed;
    private long _pending;
    private long _pendingBytes;

    public void Accept(ViewerConnection viewer, ClientMessage.ReportIssue issue)
    {
        var report = new IssueReport(
            Guid.CreateVersion7(time.GetUtcNow()), viewer.StreamId, viewer.ViewerId, viewer.SessionId, issue.ReportId, issue.Type, issue.Severity,
            issue.Description, issue.ClientInfo, time.GetUtcNow());
        var pending = new PendingIssue(report, viewer, SizeOf(report));
        if (TryQueue(pending))
        {
            metrics.Issues(IssueResult.Accepted);
            return;
        }

        metrics.Issues(IssueResult.Refused);
        NotifyRejected(viewer);
    }

    /// <summary>
    /// The gateway stops, and its viewers are still here: what waits has a moment to be stored, and viewers are told of the rest that it is not kept.
    /// </summary>
    public async Task HandBackAsync(TimeSpan patience)
    {
        _isClosed = true;
        await WaitForNoneAsync(patience);
        var handedBack = Interlocked.Read(ref _pending);
        await _handBack.CancelAsync(); // Deliveries that still try hand theirs back, then what waits in the queue.
        if (handedBack > 0)
        {
            await WaitForNoneAsync(patience); // Their viewers are closed next.
            logger.IssuesHandedBack(handedBack);
        }
    }

    private async Task WaitForNoneAsync(TimeSpan patience)
    {
        var started = time.GetTimestamp();
        while (Interlocked.Read(ref _pending) > 0 && time.GetElapsedTime(started) < patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
        }
    }

    public override void Dispose()
    {
        _handBack.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Deliveries).Select(_ => _guard.RunAsync(ForwardAsync, stoppingToken)));

    private async Task ForwardAsync(CancellationToken stoppingToken)
    {
        await _queue.Reader.WaitToReadAsync(stoppingToken);
        List<PendingIssue> batch = [];
        while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var next))
        {
            batch.Add(next);
        }

        if (batch.Count == 0)
        {
            return; // A report wakes all who wait, and one of them has it.
        }

        try
        {
            await DeliverAsync(batch, _handBack.Token);
        }
        catch (OperationCanceledException) when (_handBack.IsCancellationRequested)
        {
            Reject(batch, IssueResult.HandedBack);
        }
        catch
        {
            Reject(batch, IssueResult.Rejected); // Nobody waits for an answer that never comes; the guard says what happened.
            throw;
        }
    }

    /// <summary>
    /// Tries until Telemetry has it: the ids in the batch make repeats harmless. A batch that it will never take is sent report by report,
    /// so that one bad one does not hold up the others.
    /// </summary>
    private async Task DeliverAsync(IReadOnlyList<PendingIssue> batch, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            switch (await TryDeliverAsync(batch, cancellationToken))
            {
                case Delivery.Stored:
                    return;
                case Delivery.Unavailable:
                    await Task.Delay(Backoff.Next(attempt), time, cancellationToken);
                    break;
                case Delivery.Refused when batch.Count > 1:
                    foreach (var item in batch)
                    {
                        await DeliverAsync([item], cancellationToken);
                    }

                    return;
                case Delivery.Refused:
                    Reject(batch, IssueResult.Rejected);
                    return;
            }
        }
    }

    private bool TryQueue(PendingIssue pending)
    {
        if (_isClosed)
        {
            return false;
        }

        Interlocked.Increment(ref _pending);
        if (Interlocked.Add(ref _pendingBytes, pending.Bytes) <= options.Value.IssueQueueBytes && _queue.Writer.TryWrite(pending))
        {
            return true;
        }

        Settle([pending]);
        return false;
    }

    private void Reject(IReadOnlyList<PendingIssue> batch, IssueResult result)
    {
        metrics.Issues(result, batch.Count);
        foreach (var item in batch)
        {
            NotifyRejected(item.Viewer);
        }

        Settle(batch); // Now: a gateway that stops closes its viewers once nothing waits.
    }

    private void Settle(IReadOnlyList<PendingIssue> batch)
    {
        Interlocked.Add(ref _pending, -batch.Count);
        Interlocked.Add(ref _pendingBytes, -batch.Sum(item => item.Bytes));
    }

    private void NotifyRejected(ViewerConnection viewer) => viewer.Send(PreparedFrame.AnswerOf(Notices.ReportRejected(time.GetUtcNow())));

    private async Task<Delivery> TryDeliverAsync(IReadOnlyList<PendingIssue> batch, CancellationToken cancellationToken)
    {
        using var activity = GatewayMetrics.Activities.StartActivity("forward issues", ActivityKind.Producer);
        activity?.SetTag("nova.reports", batch.Count);
        try
        {
            using var response = await clients.CreateClient(Client).PostAsJsonAsync(
                "internal/issues", new IssueBatch([.. batch.Select(item => item.Report)]), ProtocolJson.Default.IssueBatch, cancellationToken);
            if (response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge)
            {
                return Delivery.Refused;
            }

            response.EnsureSuccessStatusCode();
            var receipt = await response.Content.ReadFromJsonAsync(ProtocolJson.Default.IssueBatchReceipt, cancellationToken);
            metrics.Issues(IssueResult.Stored, batch.Count);
            Settle(batch);
            foreach (var (item, issueId) in batch.Zip(receipt!.IssueIds))
            {
                if (item.Report.ReportId is { } reportId)
                {
                    item.Viewer.Send(PreparedFrame.Of(new IssueReceived(reportId, issueId, Stored: true)));
                }
            }

            return Delivery.Stored;
        }
        catch (Exception exception) when (exception is HttpRequestException or ExecutionRejectedException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            if (_warnings.TryTake(out _))
            {
                logger.IssuesWaiting(batch.Count, exception.Message);
            }

            return Delivery.Unavailable;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            logger.IssuesRefused(exception, batch.Count);
            return Delivery.Refused;
        }
    }

    /// <summary>What a report takes in memory: two bytes a character of its texts, its JSON as it came, and its objects.</summary>
    private static long SizeOf(IssueReport report)
    {
        const int Objects = 500;
        return Objects + (2 * (report.Description.Length + (report.ReportId?.Length ?? 0))) + (report.ClientInfo is { } info ? JsonMarshal.GetRawUtf8Value(info).Length : 0);
    }

    private sealed record PendingIssue(IssueReport Report, ViewerConnection Viewer, long Bytes);

    private enum Delivery
    {
        Stored,

        /// <summary>Telemetry cannot be reached or cannot store anything now.</summary>
        Unavailable,

        /// <summary>It will never take this.</summary>
        Refused,
    }
}
