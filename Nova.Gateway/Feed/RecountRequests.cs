namespace Nova.Gateway.Feed;

/// <summary>A stream's hash in Redis lost its memory, and every gateway is asked on its channel to report its viewers again (S52).</summary>
internal sealed class RecountRequests
{
    public const byte Message = (byte)'R';

    public event Action<StreamFeed>? Asked;

    public void Ask(StreamFeed feed) => Asked?.Invoke(feed);
}
