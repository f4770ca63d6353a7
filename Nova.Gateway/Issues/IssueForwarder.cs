using System.Diagnostics;
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

    private readonly Channel<(IssueReport Report, ViewerConnection Viewer)> _queue =
        Channel.CreateBounded<(IssueReport, ViewerConnection)>(new BoundedChannelOptions(options.Value.IssueQueue) { SingleReader = true });

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
        viewer.Send(PreparedFrame.Of(new ErrorMessage(
            ErrorCodes.ServerError, "The report could not be kept", ErrorSeverity.Warning, true, "Send it again later", time.GetUtcNow())));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
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

    /// <summary>Tries until Telemetry has it: the ids in the batch make repeats harmless.</summary>
    private async Task DeliverAsync(List<(IssueReport Report, ViewerConnection Viewer)> batch, CancellationToken cancellationToken)
    {
        for (var attempt = 0; !await TryDeliverAsync(batch, cancellationToken); attempt++)
        {
            await Task.Delay(Backoff.Next(attempt), time, cancellationToken);
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
                stored += await TryDeliverAsync([.. chunk], deadline.Token) ? chunk.Length : 0;
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

    private async Task<bool> TryDeliverAsync(List<(IssueReport Report, ViewerConnection Viewer)> batch, CancellationToken cancellationToken)
    {
        using var activity = GatewayMetrics.Activities.StartActivity("forward issues", ActivityKind.Producer);
        activity?.SetTag("nova.reports", batch.Count);
        try
        {
            using var response = await clients.CreateClient(Client).PostAsJsonAsync(
                "internal/issues", new IssueBatch([.. batch.Select(item => item.Report)]), ProtocolJson.Default.IssueBatch, cancellationToken);
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

            return true;
        }
        catch (Exception exception) when (exception is HttpRequestException or ExecutionRejectedException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            logger.IssuesWaiting(batch.Count, exception.Message);
            return false;
        }
    }
}
