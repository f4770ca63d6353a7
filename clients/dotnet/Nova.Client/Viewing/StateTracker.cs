using Nova.Protocol;

namespace Nova.Client.Viewing;

/// <summary>
/// The state that others see. The first messages of a connection begin with the values of the stream's start: they are gathered until all are here, so that nobody
/// sees an older value after a newer one.
/// </summary>
internal sealed class StateTracker(TimeProvider time, Action<ViewerState> changed) : IDisposable
{
    /// <summary>How long the values of a new connection are gathered at most. A gateway that has lost Redis sends no count.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan MeasurementHolds = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private ITimer? _gathering;
    private ITimer? _measurement;
    private ViewerState _state = new();
    private ViewerState? _gathered;
    private bool _hasInfo;
    private bool _hasCount;

    public ViewerState State => Volatile.Read(ref _state);

    public void Change(Func<ViewerState, ViewerState> change)
    {
        lock (_gate)
        {
            _gathered = _gathered is null ? null : change(_gathered);
            Show(change(_state));
        }
    }

    public void Received(IServerMessage? message)
    {
        lock (_gate)
        {
            if (message is ConnectionEstablished)
            {
                Gather();
            }

            if (message is BitrateUpdate)
            {
                _measurement?.Dispose();
                _measurement = time.CreateTimer(_ => Change(state => state with { Health = null, CurrentBitrateKbps = null }), null, MeasurementHolds, Timeout.InfiniteTimeSpan);
            }

            _hasCount |= message is ViewerCountChanged;
            if (_gathered is null)
            {
                Show(_state.After(message));
                return;
            }

            _gathered = _gathered.After(message);
            ShowGathered(isComplete: message is StreamEnded || (_hasCount && _hasInfo));
        }
    }

    /// <summary>The answer to the first question of this connection, with which the values of now are complete but for a count.</summary>
    public void Received(StreamInfo first)
    {
        lock (_gate)
        {
            _hasInfo = true;
            if (_gathered is null)
            {
                Show(_state.After(first, _hasCount)); // Late: what was gathered is shown already.
                return;
            }

            _gathered = _gathered.After(first, _hasCount);
            ShowGathered(isComplete: _hasCount);
        }
    }

    /// <summary>The connection is gone, and with it what was gathered.</summary>
    public void Lost()
    {
        lock (_gate)
        {
            _gathered = null;
            _gathering?.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            ShowGathered(isComplete: _gathered?.Ended is not null);
            _gathered = null; // Half of it would be older than what is shown.
            _gathering?.Dispose();
            _measurement?.Dispose();
        }
    }

    private void Gather()
    {
        // A measurement holds for 15 s, and a count until the next one: they are not repeated to whoever connects.
        _gathered = new ViewerState
        {
            Connection = ConnectionState.Connected,
            IsCurrent = true,
            Health = _state.Health,
            CurrentBitrateKbps = _state.CurrentBitrateKbps,
            ViewerCount = _state.ViewerCount,
            PeakViewers = _state.PeakViewers,
        };
        _hasInfo = _hasCount = false;
        _gathering?.Dispose();
        _gathering = time.CreateTimer(_ =>
        {
            lock (_gate)
            {
                ShowGathered(isComplete: true);
            }
        }, null, Gathering, Timeout.InfiniteTimeSpan);
    }

    private void ShowGathered(bool isComplete)
    {
        if (isComplete && _gathered is { } gathered)
        {
            _gathered = null;
            _gathering?.Dispose();
            Show(gathered);
        }
    }

    private void Show(ViewerState state)
    {
        if (!ReferenceEquals(state, _state) && state != _state)
        {
            Volatile.Write(ref _state, state);
            changed(state);
        }
    }
}
