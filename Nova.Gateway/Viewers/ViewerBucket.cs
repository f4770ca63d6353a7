namespace Nova.Gateway.Viewers;

/// <summary>
/// Some of a room's viewers: few enough that copying them when one comes or goes is cheap, and that one core is through with them in a
/// millisecond or two. Changed under the room's lock, read without it.
/// </summary>
internal sealed class ViewerBucket
{
    /// <summary>A join copies 2 KB at most, and a core has 2 to 3 ms of sends before other work gets its turn.</summary>
    public const int Capacity = 256;

    private volatile ViewerConnection[] _viewers = [];

    public ViewerConnection[] Viewers => _viewers;

    public void Add(ViewerConnection viewer) => _viewers = [.. _viewers, viewer];

    /// <returns>Whether it was here.</returns>
    public bool Remove(ViewerConnection viewer)
    {
        var viewers = _viewers;
        var index = Array.IndexOf(viewers, viewer);
        if (index < 0)
        {
            return false;
        }

        _viewers = [.. viewers.AsSpan(0, index), .. viewers.AsSpan(index + 1)];
        return true;
    }
}
