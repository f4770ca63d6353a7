using System.Net.Sockets;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>
/// Stops Redis, changes the stream's quality during the outage, and restarts Redis. Measures the time from Redis's first accepted connection until
/// every viewer on both gateways has received the change.
/// </summary>
internal sealed class RedisRestart(Bench bench, int viewers)
{
    private const int ChangedKbps = 222_222; // Viewers must receive this bitrate.

    private static readonly TimeSpan OutageDuration = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    public async Task RunAsync()
    {
        var nova = bench.CreateNova(new NovaLayout(Gateways: 2));
        var observers = new ChangeObservers();
        await using var session = await FanoutSession.OpenAsync(
            nova, viewers, bench.Settings, bench.Cancellation, (session, _) => session.Audience.Add(observers));

        await nova.Services.StopRedisAsync();
        session.Loop.RunFor(OutageDuration);
        using (var api = nova.Api())
        {
            await api.ChangeQualityAsync(
                nova.StreamOf(0).Id, $$"""{"new_quality":"720p","new_bitrate_kbps":{{ChangedKbps}},"reason":"network_congestion"}""", bench.Cancellation);
        }

        // The loop keeps running during the restart; otherwise the viewers' reads and pongs would wait for its end.
        var restart = nova.Services.StartRedisAsync(bench.Cancellation);
        var acceptingAt = FirstConnectTimeAsync(nova.Services.RedisPort);
        var converged = session.Loop.RunUntil(() => observers.Count == viewers, Timeout);
        session.Loop.RunUntil(() => restart.IsCompleted, Timeout);
        await restart;
        var seconds = converged ? (observers.LastAt - await acceptingAt) / (double)EventLoop.Second : double.NaN;
        bench.Report.Add(new Measurement("W8", nova.Name, $"Redis restart, 2 gateways, {viewers:N0} viewers", viewers)
        {
            Extra = new() { ["converged after s"] = seconds, ["viewers lost"] = session.Audience.Lost },
        });
    }

    /// <summary>Waits until Redis accepts a connection.</summary>
    /// <returns>The time of that connection.</returns>
    private async Task<long> FirstConnectTimeAsync(int port)
    {
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, bench.Cancellation);
                return EventLoop.Now;
            }
            catch (SocketException)
            {
                await Task.Delay(5, bench.Cancellation);
            }
        }
    }

    /// <summary>Counts the viewers who have received the change, each once.</summary>
    private sealed class ChangeObservers : IViewerSink
    {
        private readonly HashSet<Viewer> _seen = [];

        public int Count => _seen.Count;

        public long LastAt { get; private set; }

        public void OnEvent(Viewer viewer, long sequence, long now)
        {
            if (sequence == EventPayload.SequenceFromBitrate(ChangedKbps) && _seen.Add(viewer))
            {
                LastAt = now;
            }
        }
    }
}
