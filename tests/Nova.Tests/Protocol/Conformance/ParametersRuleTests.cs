using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.WebSockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Nova.Gateway;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Protocol.Conformance;

// 1.13: the table of connection parameters. Those that take a minute are classes of their own, beside each other.

/// <summary>What somebody would try who wants other parameters than the document's.</summary>
internal static class WishedFor
{
    public static Dictionary<string, string?> Settings { get; } = new[] { "Gateway", "Limits", "Protocol", "Nova" }
        .SelectMany(section => new (string, string)[]
        {
            ($"{section}:PingInterval", "00:00:05"), ($"{section}:PingTimeout", "00:00:01"), ($"{section}:IdleTimeout", "00:00:10"),
            ($"{section}:MaxMessageBytes", "1024"), ($"{section}:MaxMessageSize", "1024"), ($"{section}:Backlog", "5"),
        })
        .ToDictionary(setting => setting.Item1, setting => (string?)setting.Item2);
}

[LongRunning]
public sealed class PingIntervalParameterRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R101_PingInterval_IsThirtySecondsWhateverIsConfigured()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack, WishedFor.Settings);
        var stream = await Api.StartStreamAsync();
        await using var viewer = await gateway.WatchAsync(stream);
        foreach (var sequence in new[] { 1, 2 })
        {
            var ping = await viewer.WaitForPingAsync(sequence);
            await viewer.PongAsync(sequence);
            Assert.InRange((ping.Timestamp - viewer.Frames[0].Timestamp).TotalSeconds, (30 * sequence) - 1, (30 * sequence) + 1);
        }
    }
}

public sealed class PingTimeoutParameterRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R102_PingUnansweredForTenSeconds_IsCountedAndClosesNothing()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack);
        var timeouts = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                // Its scope tells this gateway's meter from those of the others in this process.
                if (instrument.Meter.Scope == gateway.Services.GetRequiredService<IMeterFactory>() && instrument.Name == "nova.gateway.ping_timeouts")
                {
                    Assert.Equal(GatewayMetrics.Name, instrument.Meter.Name);
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref timeouts, value));
        listener.Start();

        var stream = await Api.StartStreamAsync();
        await using var answering = await gateway.WatchAsync(stream);
        await using var silent = await gateway.WatchAsync(stream);
        var ping = await silent.WaitForPingAsync(1);
        await answering.WaitForPingAsync(1);
        await answering.PongAsync(1);
        Assert.Equal(0, Interlocked.Read(ref timeouts));
        await Eventually.TrueAsync(() => Task.FromResult(Interlocked.Read(ref timeouts) > 0), "the unanswered ping is counted", TimeSpan.FromSeconds(20));
        Assert.InRange(Stopwatch.GetElapsedTime(ping.ReceivedAt).TotalSeconds, 9, 13);
        await silent.InfoAsync();
        await answering.InfoAsync();
        Assert.Equal(1, Interlocked.Read(ref timeouts));
        Assert.Null(silent.CloseCode);
    }
}

[LongRunning]
public sealed class IdleTimeoutParameterRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R103_IdleTimeout_IsSixtySecondsWhateverIsConfigured()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack, WishedFor.Settings);
        var stream = await Api.StartStreamAsync();
        await using var silent = await gateway.WatchAsync(stream);
        Assert.Equal(4408, await silent.WaitForCloseAsync(TimeSpan.FromSeconds(75)));
        Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(silent.Frames[0].ReceivedAt));
    }
}

public sealed class SizeAndBacklogRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Theory]
    [InlineData(262_144, 1, null)]
    [InlineData(262_144, 1000, null)]
    [InlineData(262_145, 1, 1009)]
    [InlineData(262_145, 1000, 1009)]
    public async Task R104_GreatestMessage_IsOf262144Bytes(int bytes, int fragments, int? code)
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        const string Head = """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","description":""" + "\"";
        var message = Encoding.UTF8.GetBytes(Head + new string('x', bytes - Head.Length - 3) + "\"}}");
        var size = (bytes + fragments - 1) / fragments;
        try
        {
            for (var at = 0; at < bytes; at += size)
            {
                await viewer.SendAsync(message[at..Math.Min(at + size, bytes)], WebSocketMessageType.Text, endOfMessage: at + size >= bytes);
            }
        }
        catch (WebSocketException) when (code is not null)
        {
            // Closed before the last fragment was out.
        }

        if (code is null)
        {
            await viewer.WaitForAsync(EventNames.Error); // The description is too long, which is forgiven; the message was read.
            await viewer.InfoAsync();
        }

        Assert.Equal(code, code is null ? viewer.CloseCode : await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task R105_Backlog_HoldsAHundredMessages()
    {
        var stream = await Api.StartStreamAsync();
        await using var stalled = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync(), Ledger.ReceiveBuffer);
        await using var pace = await stream.WatchAsync();
        await using var flood = await Flood.OpenAsync(Nova.Stack, stream, pace);
        await flood.PublishAsync(1000);

        var ledger = await Ledger.ReadAsync(stalled, 1000);
        Assert.Single(ledger.Notices);
        var held = ledger.Frames.Reverse().TakeWhile(frame => frame.Event != EventNames.Error)
            .Where(frame => frame.Event == EventNames.QualityChanged).Select(frame => frame.Number("new_bitrate_kbps")).ToList();
        Assert.InRange(held.Count, Limits.Backlog - 10, Limits.Backlog + 1); // What was dropped last may come again as the present state.
        Assert.Equal(Enumerable.Range(911, 90), held.Take(90).Reverse()); // The newest ones, one after the other.
    }
}

/// <summary>Alone: others would allocate in this process meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed class DeclaredLengthRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int Viewers = 200;

    [Fact]
    public async Task R104_FrameThatIsDeclaredAndNeverSent_CostsNoMemory()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, Viewers).Select(_ => RawViewer.WatchAsync(Api.Gateways[0], stream.Id, token)));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await Task.WhenAll(viewers.Select(async viewer =>
        {
            await viewer.WriteAsync((byte[])[.. RawFrame.Header(RawFrame.Text, Limits.MaxMessageBytes), .. RawFrame.Masked("{"u8)]);
            viewer.EndWriting(); // The server has done whatever it does about the length once it notices this.
            await viewer.ReadToEndAsync(viewer.AnswerCloseAsync);
        }));
        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / Viewers, 0, Limits.MaxMessageBytes / 4);
        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }
}
