using System.IO.Pipelines;

namespace Nova.Gateway.WebSockets;

/// <summary>The bytes of a connection after its upgrade. One sender at a time: whoever calls sees to it.</summary>
internal abstract class ViewerTransport
{
    public abstract PipeReader Input { get; }

    /// <summary>Whether <see cref="TrySend"/> can ever send.</summary>
    public abstract bool IsDirect { get; }

    /// <summary>Hands over what the kernel takes at once, without waiting.</summary>
    /// <returns>How many bytes that was; negative where the connection is broken.</returns>
    public abstract int TrySend(ReadOnlySpan<byte> bytes);

    /// <summary>Waits until everything has been taken.</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    public abstract Task SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Nothing more is sent; what was sent still arrives.</summary>
    public abstract void EndSending();

    /// <summary>Drops the connection: nothing more arrives, either way.</summary>
    public abstract void Abort();
}
