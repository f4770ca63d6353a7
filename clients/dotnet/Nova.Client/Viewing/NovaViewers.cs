using Microsoft.Extensions.Logging;

namespace Nova.Client;

/// <summary>Makes viewers, for programs with dependency injection.</summary>
public sealed class NovaViewers(NovaClientOptions options, ILogger<NovaViewer>? logger = null, TimeProvider? time = null)
{
    /// <summary>A viewer of one stream; whoever asked disposes of it.</summary>
    public NovaViewer Watch(Guid streamId) => new(streamId, options, logger, time);
}
