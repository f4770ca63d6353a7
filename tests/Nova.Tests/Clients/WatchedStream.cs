using System.Collections.Concurrent;
using System.Text.Json;
using Nova.Client;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary>A <see cref="NovaViewer"/> and every state that it had.</summary>
internal sealed class WatchedStream : IAsyncDisposable
{
    private readonly ConcurrentQueue<ViewerState> _states = [];

    public WatchedStream(Guid streamId, NovaClientOptions options, bool start = true)
    {
        Viewer = new NovaViewer(streamId, options);
        Viewer.StateChanged += _states.Enqueue;
        if (start)
        {
            Viewer.Start();
        }
    }

    public NovaViewer Viewer { get; }

    public IReadOnlyCollection<ViewerState> States => _states;

    public async Task UntilAsync(Func<ViewerState, bool> holds, TimeSpan? within = null)
    {
        try
        {
            await Eventually.TrueAsync(() => Task.FromResult(holds(Viewer.State)), "the state is that", within ?? TimeSpan.FromSeconds(30));
        }
        catch (Xunit.Sdk.XunitException exception)
        {
            throw new Xunit.Sdk.XunitException($"{exception.Message} It is {Viewer.State}");
        }
    }

    /// <summary>What is shown is what the API says, and is said to be current.</summary>
    public async Task ShowsTheApiAsync(TestStream stream)
    {
        JsonElement api = default;
        await Eventually.TrueAsync(
            async () =>
            {
                api = (await stream.GetAsync()).Body;
                var state = Viewer.State;
                return state is { IsCurrent: true, Connection: ConnectionState.Connected }
                    && state.Status is { } status && Text("status") == WireNames<StreamStatus>.Of(status) && Text("title") == state.Title
                    && state.Quality is { } quality && Text("quality") == WireNames<StreamQuality>.Of(quality)
                    && (Number("viewer_count"), Number("peak_viewers"), Number("fps"), Number("bitrate_kbps")) == (state.ViewerCount, state.PeakViewers, state.Fps, state.BitrateKbps);
            },
            $"{Viewer.State} is {api}",
            TimeSpan.FromSeconds(30));
        string? Text(string name) => api.GetProperty(name).GetString();
        int? Number(string name) => api.GetProperty(name).GetInt32();
    }

    public ValueTask DisposeAsync() => Viewer.DisposeAsync();
}
