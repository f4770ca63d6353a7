using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Nova.Client.Tokens;
using Nova.Protocol;

namespace Nova.Client.Viewing;

/// <summary>Connects, reads, waits and connects again, until Nova says that coming back does not help.</summary>
internal sealed partial class ViewerLoop(
    Guid streamId, Func<ViewerSocket> newSocket, TokenSource tokens, StateTracker tracker, Unanswered unanswered, Action<StreamEvent> publish, ILogger logger, TimeProvider time)
{
    /// <summary>In a row, before the provider is taken to be wrong.</summary>
    private const int MostRefusedTokens = 3;

    /// <summary>A connection that lived this long was a good one, and the next wait begins small.</summary>
    private static readonly TimeSpan Steady = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan RepeatReports = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryRefresh = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WarningSpread = TimeSpan.FromSeconds(20);

    private volatile ViewerSocket? _socket;
    private volatile TaskCompletionSource _warned = new();
    private ErrorMessage? _lastError;
    private string _firstQuestion = "";
    private long _heardAt;

    /// <returns>Why the viewer is closed for good.</returns>
    public async Task<Closed> RunAsync(CancellationToken cancellationToken)
    {
        for (var (attempt, refusedTokens) = (0, 0); ; attempt++)
        {
            tracker.Change(state => state with { Connection = Unconnected(state), RetryAt = null });
            _heardAt = 0;
            var verdict = await TryConnectAsync(cancellationToken);
            (attempt, refusedTokens) = (_heardAt > 0 && time.GetElapsedTime(_heardAt) > Steady ? 0 : attempt, _heardAt > 0 ? 0 : refusedTokens);
            if (verdict.Closed is { } closed)
            {
                return Explained(closed);
            }

            if (verdict.NeedsToken)
            {
                if (++refusedTokens > MostRefusedTokens)
                {
                    return new Closed(ClosedReason.TokenRefused, verdict.Message);
                }

                tokens.Forget();
            }

            await WaitAsync(verdict, attempt, cancellationToken);
        }
    }

    public Task SendAsync(byte[] message, CancellationToken cancellationToken) => _socket?.SendAsync(message, cancellationToken) ?? Task.CompletedTask;

    public Task CloseSocketAsync() => _socket?.CloseAsync() ?? Task.CompletedTask;

    private async Task WaitAsync(Verdict verdict, int attempt, CancellationToken cancellationToken)
    {
        var backoff = Verdict.Backoff(attempt);
        var wait = verdict.RetryAfter > backoff ? verdict.RetryAfter : backoff;
        LogWaiting(logger, streamId, wait.TotalSeconds, verdict.Message);
        tracker.Lost();
        tracker.Change(state => state with { Connection = Unconnected(state), IsCurrent = false, RetryAt = time.GetUtcNow() + wait, RetryReason = verdict.Message });
        await Task.Delay(wait, time, cancellationToken);
    }

    /// <summary>What nobody foresaw must not end a viewer for good.</summary>
    private async Task<Verdict> TryConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ConnectAsync(cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(logger, exception, streamId);
            return new Verdict(exception.Message);
        }
    }

    private async Task<Verdict> ConnectAsync(CancellationToken cancellationToken)
    {
        using var activity = NovaClientActivities.Source.StartActivity("nova viewer connect", ActivityKind.Client);
        string token;
        try
        {
            token = await tokens.GetAsync(cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new Verdict($"No token: {exception.Message}");
        }

        using var socket = newSocket();
        if (await socket.OpenAsync(token, cancellationToken) is { } refused)
        {
            return refused;
        }

        activity?.Stop();
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _socket = socket;
        _warned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (refreshing, repeating) = (RefreshAsync(connection.Token), RepeatReportsAsync(connection.Token));
        try
        {
            return await socket.ReadAsync(message => ReceivedAsync(message, cancellationToken), cancellationToken);
        }
        finally
        {
            _socket = null;
            await connection.CancelAsync();
            _ = Task.WhenAll(refreshing, repeating).ContinueWith(static ended => ended.Exception, TaskScheduler.Default); // Nobody waits for a provider that hangs.
        }
    }

    private async Task ReceivedAsync(StreamEvent message, CancellationToken cancellationToken)
    {
        _heardAt = _heardAt == 0 ? time.GetTimestamp() : _heardAt;
        switch (message.Message)
        {
            case ConnectionEstablished:
                _lastError = null;
                tracker.Received(message.Message);
                await CatchUpAsync(cancellationToken);
                break;
            case Ping ping:
                await SendAsync(ClientMessages.Pong(ping.Sequence, time.GetUtcNow()), cancellationToken);
                break;
            case StreamInfo info when unanswered.Take(info.RequestId) is { } question:
                var latency = time.GetElapsedTime(question.SentAt);
                tracker.Change(state => state with { Latency = latency });
                if (info.RequestId == _firstQuestion)
                {
                    tracker.Received(info);
                }

                question.Answer.TrySetResult(info); // Last, so that whoever asked sees the state with it.
                break;
            case IssueReceived received:
                unanswered.Received(received);
                break;
            case ErrorMessage error:
                Failed(error);
                tracker.Received(error);
                break;
            default:
                tracker.Received(message.Message);
                break;
        }

        publish(message);
    }

    private async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        unanswered.Forget(_firstQuestion);
        (_firstQuestion, _, var answer) = unanswered.Ask();
        _ = answer.ContinueWith(static ended => ended.Exception, TaskScheduler.Default); // Only the state wants it.
        foreach (var message in unanswered.Questions().Concat(unanswered.Reports()))
        {
            await SendAsync(message, cancellationToken);
        }
    }

    private void Failed(ErrorMessage error)
    {
        if (!error.Recoverable)
        {
            _lastError = error;
        }

        if (error is { ErrorCode: ErrorCodes.Unauthorized, Severity: ErrorSeverity.Warning })
        {
            _warned.TrySetResult();
        }
        else if (error is { ErrorCode: ErrorCodes.ProtocolError, Recoverable: true })
        {
            unanswered.Refused(error.Message);
        }
    }

    /// <summary>On the open socket. Where it fails, Nova closes with 4401 and the next connection has a new token.</summary>
    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        for (var wait = tokens.UntilRefresh(); ;)
        {
            await Task.WhenAny(Task.Delay(wait ?? Timeout.InfiniteTimeSpan, time, cancellationToken), WarnedAsync());
            cancellationToken.ThrowIfCancellationRequested();
            _warned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                await SendAsync(ClientMessages.RefreshToken(await tokens.RenewAsync(cancellationToken)), cancellationToken);
                wait = tokens.UntilRefresh();
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                LogNoToken(logger, exception, streamId);
                wait = RetryRefresh;
            }
        }
    }

    /// <summary>It comes 60 s before the end. To many at once, where a broadcaster's tool says it: so spread.</summary>
    private async Task WarnedAsync()
    {
        await _warned.Task;
        await Task.Delay(WarningSpread * Random.Shared.NextDouble(), time);
    }

    private async Task RepeatReportsAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(RepeatReports, time, cancellationToken);
            foreach (var report in unanswered.Reports())
            {
                await SendAsync(report, cancellationToken);
            }
        }
    }

    /// <summary>What Nova said before it closed says more than the close frame.</summary>
    private Closed Explained(Closed closed) => (closed.Reason, _lastError) switch
    {
        (ClosedReason.StreamEnded, { ErrorCode: ErrorCodes.StreamNotFound } error) => closed with { Reason = ClosedReason.StreamNotFound, Message = error.Message },
        (ClosedReason.NotAllowed, { ErrorCode: ErrorCodes.Unauthorized } error) => closed with { Message = error.Message },
        _ => closed,
    };

    private static ConnectionState Unconnected(ViewerState state) => state.SessionId is null ? ConnectionState.Connecting : ConnectionState.Reconnecting;

    [LoggerMessage(1, LogLevel.Information, "ViewerWaits: stream {StreamId} is tried again in {Seconds:F1} s: {Reason}")]
    private static partial void LogWaiting(ILogger logger, Guid streamId, double seconds, string reason);

    [LoggerMessage(2, LogLevel.Warning, "NoToken: no new token for stream {StreamId}; it is asked for again in 10 s")]
    private static partial void LogNoToken(ILogger logger, Exception exception, Guid streamId);

    [LoggerMessage(3, LogLevel.Warning, "ConnectFailed: stream {StreamId} is tried again")]
    private static partial void LogFailed(ILogger logger, Exception exception, Guid streamId);
}
