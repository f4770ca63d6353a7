using System.Net.Sockets;
using Nova.LoadTest.Generator;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>
/// Stops Redis, changes the stream's quality meanwhile, and starts Redis again: how long after it answers has every viewer on both gateways heard
/// of the change?
/// </summary>
internal sealed class RedisRestart(Bench bench, int viewers)
{
    private const int Changed = 222_222; // kbps; the number that viewers must see.

    private static readonly TimeSpan Away = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async Task RunAsync()
    {
        var nova = bench.CreateNova(new NovaLayout(Gateways: 2));
        var witnesses = new Witnesses();
        await using var session = await FanoutSession.OpenAsync(
            nova, viewers, bench.Settings, bench.Cancellation, (session, _) => session.Audience.Add(witnesses));

        await nova.Services.StopRedisAsync();
        session.Loop.RunFor(Away);
        using (var api = nova.Api())
        {
            await api.ChangeQualityAsync(
                nova.StreamOf(0).Id, $$"""{"new_quality":"720p","new_bitrate_kbps":{{Changed}},"reason":"network_congestion"}""", bench.Cancellation);
        }

        // The loop goes on meanwhile, or viewers' answers to pings and what they hear would wait for the restart to end.
        var restart = nova.Services.StartRedisAsync(bench.Cancellation);
        var answers = AnswersAsync(nova.Services.RedisPort);
        var converged = session.Loop.RunUntil(() => witnesses.Count == viewers, Patience);
        session.Loop.RunUntil(() => restart.IsCompleted, Patience);
        await restart;
        var seconds = converged ? (witnesses.LastAt - await answers) / (double)EventLoop.Second : double.NaN;
        bench.Report.Add(new Measurement("W8", nova.Name, $"Redis restart, 2 gateways, {viewers:N0} viewers", viewers)
        {
            Extra = new() { ["converged after s"] = seconds, ["viewers lost"] = session.Audience.Lost },
        });
    }

    /// <summary>When Redis first takes a connection again.</summary>
    private async Task<long> AnswersAsync(int port)
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

    /// <summary>Viewers who have seen the change, each counted once.</summary>
    private sealed class Witnesses : IViewerSink
    {
        private readonly HashSet<Viewer> _seen = [];

        public int Count => _seen.Count;

        public long LastAt { get; private set; }

        public void OnEvent(Viewer viewer, long sequence, long now)
        {
            if (sequence == EventPayload.SequenceOverRest(Changed) && _seen.Add(viewer))
            {
                LastAt = now;
            }
        }
    }
}
