using Nova.Gateway.Fanout;

namespace Nova.Gateway.Feed;

/// <summary>A gateway asks on a stream's channel who watches it, and every gateway that has viewers of it answers.</summary>
internal sealed class ViewerListRequests
{
    /// <summary>First byte of the message; the request follows.</summary>
    public const byte Message = (byte)'V';

    public event Action<StreamRoom, ReadOnlyMemory<byte>>? Asked;

    public void Ask(StreamRoom room, ReadOnlyMemory<byte> request) => Asked?.Invoke(room, request);
}
