using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Protocol.Conformance;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// A gateway dies (F32) or pauses (F34) with viewers on it. The others correct the count in few steps, and never below what is there.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class GatewayLossTests(FaultLabFixture labs)
{
    private const int Staying = 3;
    private const int Lost = 5;
    private const int MostMessages = 3;

    private static readonly TimeSpan Limit = Seconds(15);

    /// <summary>Both at once, on streams of their own: each takes a lease's time.</summary>
    [Fact]
    public async Task GatewayIsKilledOrPaused_ItsViewers_AreCountedOutAndIn()
    {
        var lab = await labs.HealthyLabAsync();
        await using var killed = await lab.StartGatewayAsync();
        await using var paused = await lab.StartGatewayAsync();
        var one = await AudienceAsync(lab, killed);
        var two = await AudienceAsync(lab, paused);
        var fault = Stopwatch.GetTimestamp();
        paused.Service.Process.Pause();
        await killed.Service.KillAsync();

        await Task.WhenAll(CorrectedAsync(one, Staying), CorrectedAsync(two, Staying));
        Note($"Counted out after {Stopwatch.GetElapsedTime(fault).TotalSeconds:F1} s.");
        await UntilAsync(fault, Seconds(12));
        two = two with { Seen = [.. two.Stayed.Select(viewer => viewer.Frames.Count)] };
        paused.Service.Process.Resume();
        await CorrectedAsync(two, Staying + Lost);
        await one.DisposeAsync();
        await two.DisposeAsync();
    }

    private static async Task<Audience> AudienceAsync(FaultLab lab, LabGateway gateway)
    {
        var stream = await lab.Api.StartStreamAsync();
        List<Viewer> stayed = [], lost = [];
        for (var i = 0; i < Staying; i++)
        {
            stayed.Add(await stream.WatchAsync(gateway: i % lab.Gateways.Count));
        }

        for (var i = 0; i < Lost; i++)
        {
            lost.Add(await gateway.WatchAsync(stream, await lab.Api.TokenAsync($"lost-{i}")));
        }

        await Task.WhenAll(stayed.Select(viewer => viewer.WaitForViewersAsync(Staying + Lost)));
        return new Audience(stayed, lost, [.. stayed.Select(viewer => viewer.Frames.Count)]);
    }

    /// <summary>Every viewer who stayed is told the count, by at most a few messages, none of which says fewer than stayed.</summary>
    private static async Task CorrectedAsync(Audience audience, int count)
    {
        foreach (var (viewer, seen) in audience.Stayed.Zip(audience.Seen))
        {
            await viewer.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == count, Limit, seen);
            var counts = viewer.Frames.Skip(seen)
                .Where(frame => frame.Event == EventNames.ViewerCountChanged).Select(frame => frame.Number("viewer_count")).ToList();
            Assert.True(
                counts.Count <= MostMessages && counts[^1] == count && counts.All(told => told is >= Staying and <= Staying + Lost),
                $"The counts on the way to {count} were {string.Join(", ", counts)}.");
        }
    }

    private sealed record Audience(IReadOnlyList<Viewer> Stayed, IReadOnlyList<Viewer> Lost, IReadOnlyList<int> Seen) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Stayed.DisposeAllAsync();
            await Lost.DisposeAllAsync();
        }
    }
}
