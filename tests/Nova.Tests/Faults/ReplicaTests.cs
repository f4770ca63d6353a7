using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// The gateway knows two StreamState replicas. One of them is enough for every call, and one that is gone costs no call more than seconds.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class ReplicaTests(FaultLabFixture labs)
{
    private static readonly TimeSpan UnavailableLimit = Seconds(3 + 0.5);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task OneReplicaIsKilled_EveryRestCall_Succeeds(int replica)
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await lab.States[replica].Service.KillAsync();
        List<Call> calls = [];
        for (var i = 0; i < 10; i++)
        {
            calls.Add(await stream.ReadAsync());
            calls.Add(await stream.ChangeAsync(NextKbps()));
        }

        Assert.True(calls.All(call => call.IsSuccess), Call.Report(calls));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task OneReplicaHangs_AfterFiveSeconds_CallsAreQuickAgain(int replica)
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        var fault = Stopwatch.GetTimestamp();
        lab.States[replica].Service.Process.Pause();
        using var stop = new CancellationTokenSource();
        var early = new ConcurrentQueue<Call>();
        var callers = Enumerable.Range(0, 4).Select(_ => ReadUntilAsync(stream, early, stop.Token)).ToList();
        await UntilAsync(fault, Seconds(5 + 0.5));
        await stop.CancelAsync();

        var calls = await Task.WhenAll(Enumerable.Range(0, 10).SelectMany(_ => new[] { stream.ReadAsync(), stream.ChangeAsync(NextKbps()) }));
        Note($"In the first 5 s: {Call.Report([.. early])}; later: {Call.Report(calls)}");
        Assert.True(calls.All(call => call.IsSuccess && call.Took < Seconds(1)), Call.Report(calls));
        lab.States[replica].Service.Process.Resume();
        await Task.WhenAll(callers);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NoReplicaAnswers_AnUnknownStreamsViewer_Gets503InThreeSeconds(bool hangs)
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(3);
        var token = await lab.Api.TokenAsync();
        foreach (var state in lab.States)
        {
            if (hangs)
            {
                state.Service.Process.Pause();
            }
            else
            {
                await state.Service.KillAsync();
            }
        }

        var answers = await Task.WhenAll(streams.Select(stream => UpgradeAsync(lab.Gateways[0].Service.Front.Address, stream, token)));
        Note(Call.Report(answers));
        Assert.True(
            answers.All(answer => answer.Status == HttpStatusCode.ServiceUnavailable && answer.Took < UnavailableLimit), Call.Report(answers));
    }

    private static async Task ReadUntilAsync(TestStream stream, ConcurrentQueue<Call> calls, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            calls.Enqueue(await stream.ReadAsync());
        }
    }

    private static async Task<Call> UpgradeAsync(Uri gateway, TestStream stream, string token)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        using var timeout = new CancellationTokenSource(Api.Patience);
        var started = Stopwatch.GetTimestamp();
        try
        {
            await socket.ConnectAsync(Viewer.Address(gateway, stream.Id, token), timeout.Token);
            return new Call(HttpStatusCode.SwitchingProtocols, Stopwatch.GetElapsedTime(started));
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            return new Call(socket.HttpStatusCode, Stopwatch.GetElapsedTime(started));
        }
    }
}
