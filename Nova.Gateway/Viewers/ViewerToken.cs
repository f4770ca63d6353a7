using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Viewers;

/// <summary>
/// What a viewer's token still allows (S28). Its lifetime runs on monotonic time from when it was checked: a wall clock that is set
/// right meanwhile neither cuts a viewer off nor lets one stay.
/// </summary>
internal sealed class ViewerToken
{
    /// <summary>How long before its end the viewer is warned, and how old its connection must be for that.</summary>
    public static readonly TimeSpan WarningTime = TimeSpan.FromSeconds(60);

    /// <summary>How long after its end the connection is closed.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly long _connectedAt;
    private long _checkedAt;
    private TimeSpan _lifetime;
    private bool _isWarned;

    /// <param name="mayWatchPrivate">Whether the viewer may stay where its stream turns private.</param>
    public ViewerToken(Caller caller, bool mayWatchPrivate, TimeProvider time)
    {
        _time = time;
        _connectedAt = time.GetTimestamp();
        Subject = caller.Subject;
        Renew(caller, mayWatchPrivate);
    }

    public string Subject { get; }

    public bool MayWatchPrivate { get; private set; }

    /// <summary>How long the viewer has been connected.</summary>
    public TimeSpan Age => _time.GetElapsedTime(_connectedAt);

    /// <summary>Until the connection is closed; not less than the grace when it has just been opened.</summary>
    public TimeSpan Remaining => _lifetime + Grace - _time.GetElapsedTime(_checkedAt);

    /// <summary>Whether it is time for the warning, which is given once for each token.</summary>
    public bool TakeWarning()
    {
        if (_isWarned || Remaining > WarningTime + Grace || Age < WarningTime)
        {
            return false;
        }

        return _isWarned = true;
    }

    public void Renew(Caller caller, bool mayWatchPrivate)
    {
        MayWatchPrivate = mayWatchPrivate;
        var left = caller.ExpiresAt - _time.GetUtcNow();
        (_checkedAt, _lifetime, _isWarned) = (_time.GetTimestamp(), left > TimeSpan.Zero ? left : TimeSpan.Zero, false);
    }
}
