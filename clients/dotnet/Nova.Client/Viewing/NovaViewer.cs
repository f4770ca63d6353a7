using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Nova.Client.Tokens;
using Nova.Client.Viewing;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>
/// Follows one broadcast and comes back by itself: after a lost connection, a drained gateway or an expired token, never before Nova said, and not where Nova said no.
/// </summary>
public sealed partial class NovaViewer : IAsyncDisposable
{
    /// <summary>Of each reader: 80 s of counts at their fastest.</summary>
    private const int MostUnread = 1000;

    private static readonly TimeSpan QuestionTimeout = TimeSpan.FromSeconds(10);

    private readonly TokenSource _tokens;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());
    private readonly CancellationTokenSource _stop = new();
    private readonly StateTracker _tracker;
    private readonly Unanswered _unanswered;
    private readonly ViewerLoop _loop;
    private readonly TaskCompletionSource<Closed> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableArray<Channel<StreamEvent>> _readers = [];
    private Task? _running;

    /// <exception cref="ArgumentException">The options have no address or no token.</exception>
    public NovaViewer(Guid streamId, NovaClientOptions options, ILogger<NovaViewer>? logger = null, TimeProvider? time = null)
    {
        StreamId = streamId;
        _time = time ?? TimeProvider.System;
        _logger = logger ?? NullLogger<NovaViewer>.Instance;
        _tokens = new TokenSource(options.RequiredToken(), _time);
        _tracker = new StateTracker(_time, Changed);
        _unanswered = new Unanswered(_time);
        var address = new Uri(options.RequiredAddress(), $"/api/v1/streams/{streamId}/ws");
        _loop = new ViewerLoop(streamId, () => new ViewerSocket(address, _http), _tokens, _tracker, _unanswered, Publish, _logger, _time);
    }

    public Guid StreamId { get; }

    /// <summary>Always the newest, and never an older value after a newer one.</summary>
    public ViewerState State => _tracker.State;

    /// <summary>Called with each new state, one after the other: it must not wait.</summary>
    public event Action<ViewerState>? StateChanged;

    /// <summary>Completes when the viewer is closed for good, and says why.</summary>
    public Task<Closed> Completion => _completion.Task;

    /// <summary>Connects in the background. <see cref="ReadAllAsync"/> does it, too.</summary>
    public void Start()
    {
        lock (_stop)
        {
            _running ??= Task.Run(RunAsync);
        }
    }

    /// <summary>
    /// Every message from now on, until the viewer is closed for good; <see cref="Completion"/> says why. Several readers each get all of them. A reader that is 1,000
    /// messages behind loses its oldest; <see cref="State"/> has the newest.
    /// </summary>
    public async IAsyncEnumerable<StreamEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateBounded<StreamEvent>(new BoundedChannelOptions(MostUnread) { FullMode = BoundedChannelFullMode.DropOldest });
        ImmutableInterlocked.Update(ref _readers, (readers, added) => readers.Add(added), channel);
        if (_completion.Task.IsCompleted)
        {
            channel.Writer.TryComplete();
        }

        Start();
        try
        {
            await foreach (var message in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return message;
            }
        }
        finally
        {
            ImmutableInterlocked.Update(ref _readers, (readers, removed) => readers.Remove(removed), channel);
            channel.Writer.TryComplete();
        }
    }

    /// <summary>Asks Nova, also again after a reconnect.</summary>
    /// <exception cref="TimeoutException">No answer in 10 s.</exception>
    /// <exception cref="NovaClosedException">The viewer is closed for good.</exception>
    public async Task<StreamInfo> GetStreamInfoAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        Start();
        var (id, message, answer) = _unanswered.Ask();
        try
        {
            _ = _loop.SendAsync(message, CancellationToken.None); // Where it does not go through, it is sent again after the reconnect.
            CloseIfClosed();
            return await answer.WaitAsync(QuestionTimeout, _time, cancellationToken);
        }
        finally
        {
            _unanswered.Forget(id);
        }
    }

    /// <summary>Completes once Nova has stored the report for good; until then it is sent again, also after a reconnect, and stored once.</summary>
    /// <exception cref="ArgumentException">Nova would refuse the report; the message names the member.</exception>
    /// <exception cref="NovaClosedException">The viewer is closed for good.</exception>
    public async Task<StoredReport> ReportIssueAsync(ViewerReport report, CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        Start();
        var (id, message, stored) = _unanswered.Add(report);
        try
        {
            _ = _loop.SendAsync(message, CancellationToken.None);
            CloseIfClosed();
            return await stored.WaitAsync(cancellationToken);
        }
        finally
        {
            _unanswered.GiveUp(id);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _loop.CloseSocketAsync();
        await _stop.CancelAsync();
        if (_running is { } running)
        {
            await running;
        }

        Close(new Closed(ClosedReason.Disconnected, "The viewer was disposed of"));
        _tracker.Dispose();
        _http.Dispose();
        _tokens.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            Close(await _loop.RunAsync(_stop.Token));
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            Close(new Closed(ClosedReason.Disconnected, "The viewer was disposed of"));
        }
        catch (Exception exception)
        {
            LogFailed(_logger, exception, StreamId);
            Close(new Closed(ClosedReason.Disconnected, $"The viewer failed: {exception.Message}"));
        }
    }

    private void Publish(StreamEvent message)
    {
        foreach (var reader in _readers)
        {
            reader.Writer.TryWrite(message); // A slow reader loses its oldest, and never holds up pings and state.
        }
    }

    private void Changed(ViewerState state)
    {
        try
        {
            StateChanged?.Invoke(state);
        }
        catch (Exception exception)
        {
            LogHandlerFailed(_logger, exception, StreamId);
        }
    }

    /// <summary>It may have closed between the check and the question.</summary>
    private void CloseIfClosed()
    {
        if (State.Closed is { } closed)
        {
            _unanswered.Close(closed);
        }
    }

    private void Close(Closed closed)
    {
        if (!_completion.TrySetResult(closed))
        {
            return;
        }

        LogClosed(_logger, StreamId, closed.Reason, closed.Message);
        _tracker.Dispose();
        _tracker.Change(state => state with { Connection = ConnectionState.Closed, IsCurrent = closed.Reason == ClosedReason.StreamEnded, RetryAt = null, RetryReason = null, Closed = closed });
        _unanswered.Close(closed);
        foreach (var reader in _readers)
        {
            reader.Writer.TryComplete();
        }
    }

    private void ThrowIfClosed()
    {
        if (State.Closed is { } closed)
        {
            throw new NovaClosedException(closed);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "ViewerClosed: stream {StreamId} is closed for good ({Reason}): {Message}")]
    private static partial void LogClosed(ILogger logger, Guid streamId, ClosedReason reason, string message);

    [LoggerMessage(2, LogLevel.Error, "ViewerFailed: stream {StreamId}")]
    private static partial void LogFailed(ILogger logger, Exception exception, Guid streamId);

    [LoggerMessage(3, LogLevel.Error, "HandlerFailed: a StateChanged handler of stream {StreamId} threw")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception, Guid streamId);
}
