using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Nova.Gateway.Fanout;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Polly;

namespace Nova.Gateway.Issues;

/// <summary>
/// Hands viewers' reports to Telemetry in batches. The queue holds while Telemetry is away; when it is full the viewer is told. Who gave a
/// <c>report_id</c> hears <c>issue_received</c> after Telemetry has committed, never before (S34).
/// </summary>
internal sealed class IssueForwarder(
    IHttpClientFactory clients, IOptions<GatewayOptions> options, GatewayMetrics metrics, TimeProvider time, ILogger<IssueForwarder> logger)
    : BackgroundService
{
    /// <summary>Name of the client that reaches Telemetry.</summary>
    public const string Client = "telemetry";

    private const int MaxBatch = 200;

    /// <summary>Batches under way at once: while one waits for its commit the next is made and sent.</summary>
    private const int Deliveries = 4;

    private readonly Channel<(IssueReport Report, ViewerConnection Viewer)> _queue =
        Channel.CreateBounded<(IssueReport, ViewerConnection)>(options.Value.IssueQueue);

    public void Accept(ViewerConnection viewer, ClientMessage.ReportIssue issue)
    {
        var report = new IssueReport(
            Guid.CreateVersion7(time.GetUtcNow()), viewer.StreamId, viewer.ViewerId, viewer.SessionId, issue.ReportId, issue.Type, issue.Severity,
            issue.Description, issue.ClientInfo, time.GetUtcNow());
        if (_queue.Writer.TryWrite((report, viewer)))
        {
            metrics.Issues("accepted");
            return;
        }

        metrics.Issues("refused");
        TellNotKept(viewer);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Deliveries).Select(_ => ForwardAsync(stoppingToken)));

    private async Task ForwardAsync(CancellationToken stoppingToken)
    {
        List<(IssueReport Report, ViewerConnection Viewer)> batch = [];
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var next))
                {
                    batch.Add(next);
                }

                await DeliverAsync(batch, stoppingToken);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await DeliverRestAsync(batch);
        }
    }

    /// <summary>
    /// Tries until Telemetry has it: the ids in the batch make repeats harmless. A batch that it will never take is sent report by report,
    /// so that one bad one does not hold up the others.
    /// </summary>
    private async Task DeliverAsync(IReadOnlyList<(IssueReport Report, ViewerConnection Viewer)> batch, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            switch (await TryDeliverAsync(batch, cancellationToken))
            {
                case Delivery.Stored:
                    return;
                case Delivery.Away:
                    await Task.Delay(Backoff.Next(attempt), time, cancellationToken);
                    break;
                case Delivery.Refused when batch.Count > 1:
                    foreach (var item in batch)
                    {
                        await DeliverAsync([item], cancellationToken);
                    }

                    return;
                case Delivery.Refused:
                    metrics.Issues("rejected");
                    TellNotKept(batch[0].Viewer);
                    return;
            }
        }
    }

    /// <summary>One last chance for what is queued when the gateway stops.</summary>
    private async Task DeliverRestAsync(List<(IssueReport Report, ViewerConnection Viewer)> batch)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(3), time);
        while (_queue.Reader.TryRead(out var next))
        {
            batch.Add(next);
        }

        var stored = 0;
        foreach (var chunk in batch.Chunk(MaxBatch))
        {
            try
            {
                stored += await TryDeliverAsync(chunk, deadline.Token) == Delivery.Stored ? chunk.Length : 0;
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        if (stored < batch.Count)
        {
            logger.IssuesLost(batch.Count - stored);
        }
    }

    private void TellNotKept(ViewerConnection viewer) => viewer.Send(PreparedFrame.AnswerOf(new ErrorMessage(
        ErrorCodes.ServerError, "The report could not be kept", ErrorSeverity.Warning, true, "Send it again later", time.GetUtcNow())));

    private async Task<Delivery> TryDeliverAsync(
        IReadOnlyList<(IssueReport Report, ViewerConnection Viewer)> batch, CancellationToken cancellationToken)
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
            metrics.Issues("stored", batch.Count);
            foreach (var ((report, viewer), issueId) in batch.Zip(receipt!.IssueIds))
            {
                if (report.ReportId is { } reportId)
                {
                    viewer.Send(PreparedFrame.Of(new IssueReceived(reportId, issueId, Stored: true)));
                }
            }

            return Delivery.Stored;
        }
        catch (Exception exception) when (exception is HttpRequestException or ExecutionRejectedException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            logger.IssuesWaiting(batch.Count, exception.Message);
            return Delivery.Away;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            logger.IssuesRefused(exception, batch.Count);
            return Delivery.Refused;
        }
    }

    private enum Delivery
    {
        Stored,

        /// <summary>Telemetry cannot be reached or cannot store anything now.</summary>
        Away,

        /// <summary>It will never take this.</summary>
        Refused,
    }
}
