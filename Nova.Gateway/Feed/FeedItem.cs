using Nova.Gateway.Fanout;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Feed;

/// <summary>What a feed works off, in order.</summary>
internal abstract record FeedItem
{
    /// <summary>From the stream's channel.</summary>
    public sealed record Message(ReadOnlyMemory<byte> Bytes) : FeedItem;

    /// <summary>The wish to read the snapshot again.</summary>
    public sealed record Resync(string Cause, long AtLeastVersion) : FeedItem;

    /// <summary>The snapshot that was read; null where the stream is gone.</summary>
    public sealed record Snapshot(StreamSnapshot? State) : FeedItem;

    /// <param name="Only">Who is to hear it; null for everybody.</param>
    public sealed record Count(ViewerCountEvent Value, IReadOnlyCollection<ViewerConnection>? Only) : FeedItem;

    /// <summary>Something to tell everybody that changes no state.</summary>
    public sealed record Notice(PreparedFrame Frame) : FeedItem;
}
