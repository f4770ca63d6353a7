using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Nova.Client;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary><c>nova simulate</c> in a process of its own: each fault as a viewer feels it.</summary>
[LongRunning]
public sealed class SimulateTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-simulate-");
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private Process _process = null!;
    private Uri _address = null!;
    private Guid _stream;

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "faults.yaml"), "- {after: 0s, do: clear}\n");
        var start = new ProcessStartInfo(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "nova.dll"), "simulate", "--port", "0", "--data", Path.Combine(_folder.FullName, "data"), "--json", "--script", Path.Combine(_folder.FullName, "faults.yaml")])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["NOVA_CONFIG"] = _folder.FullName;
        _process = Process.Start(start)!;
        var ready = JsonElement.Parse((await _process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)))!);
        (_address, _stream) = (new Uri(ready.GetProperty("address").GetString()!), ready.GetProperty("stream_id").GetGuid());
        Assert.Equal("clear", JsonElement.Parse((await _process.StandardOutput.ReadLineAsync())!).GetProperty("did").GetString());
    }

    public async ValueTask DisposeAsync()
    {
        Tools.Interrupt(_process);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        _process.Dispose();
        _http.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task EachFault_IsFelt_AndPasses()
    {
        await using var watched = new WatchedStream(_stream, new NovaClientOptions { Address = _address, Token = DevelopmentTokens.Of(_address, "simulated", lifetime: TimeSpan.FromMinutes(5)) });
        await watched.UntilAsync(state => state.IsCurrent);

        await FeelsAsync("drain", state => state.RetryReason?.StartsWith("drain retry_after_ms=", StringComparison.Ordinal) == true);
        await FeelsAsync("close?code=1013&reason=retry_after_ms=700", state => state.RetryReason == "retry_after_ms=700");
        await FeelsAsync("cut", state => !state.IsCurrent);
        await DoAsync("away?for=60s");
        await Assert.ThrowsAsync<HttpRequestException>(() => _http.GetAsync(new Uri(_address, "/health"), TestContext.Current.CancellationToken));
        await DoAsync("clear");
        await watched.UntilAsync(state => state.IsCurrent);
        await FeelsAsync("expire", state => state.RetryReason == "The token has expired");

        var dropped = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var reading = Task.Run(async () =>
        {
            await foreach (var message in watched.Viewer.ReadAllAsync())
            {
                if (message.Message is ErrorMessage { ErrorCode: ErrorCodes.MessagesDropped, DroppedCount: { } count })
                {
                    dropped.TrySetResult(count);
                }
            }
        });
        await DoAsync("drop?for=3s");
        var counts = watched.Viewer.State.ViewerCount;
        await using (var other = await Viewer.ConnectAsync(_address, _stream.ToString(), await DevelopmentTokens.CreateAsync(_address, "other", cancellationToken: TestContext.Current.CancellationToken)))
        {
            Assert.InRange(await dropped.Task.WaitAsync(Api.Patience, TestContext.Current.CancellationToken), 1, 1000);
            await watched.UntilAsync(state => state.ViewerCount != counts || state.ViewerCount > 1);
        }

        await DoAsync("latency?delay=300ms&for=60s");
        await watched.Viewer.GetStreamInfoAsync(TestContext.Current.CancellationToken);
        Assert.InRange(watched.Viewer.State.Latency!.Value.TotalMilliseconds, 550, 9000);
        await DoAsync("clear");

        await DoAsync("capacity?for=60s");
        using (var full = await _http.GetAsync(new Uri(_address, $"/api/v1/streams/{_stream}/ws?token=x"), TestContext.Current.CancellationToken))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, full.StatusCode);
            Assert.NotNull(full.Headers.RetryAfter);
        }

        await DoAsync("clear");

        // No byte passes, RFC 6455's own pings included: a client finds that by itself, and nothing is closed.
        await DoAsync("silence?for=90s");
        await watched.UntilAsync(state => !state.IsCurrent, TimeSpan.FromSeconds(70));
        await DoAsync("clear");
        await watched.UntilAsync(state => state.IsCurrent);

        await DoAsync("kick");
        Assert.Equal(ClosedReason.NotAllowed, (await watched.Viewer.Completion.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).Reason);
        await reading;

        async Task FeelsAsync(string fault, Func<ViewerState, bool> feels)
        {
            var before = watched.States.Count;
            await DoAsync(fault);
            await watched.UntilAsync(_ => watched.States.Skip(before).Any(feels)); // A short wait may be over already.
            await watched.UntilAsync(state => state.IsCurrent);
        }
    }

    [Fact]
    public async Task ExpiredToken_IsRefused_AndAWrongFaultIsNamed()
    {
        var token = await DevelopmentTokens.CreateAsync(_address, "expiring", cancellationToken: TestContext.Current.CancellationToken);
        await using var viewer = await Viewer.ConnectAsync(_address, _stream.ToString(), token);
        await DoAsync("expire");
        Assert.Equal(4401, await viewer.WaitForCloseAsync());
        Assert.Contains(EventNames.Error, viewer.Events);
        using var why = await _http.GetAsync(new Uri(_address, $"/api/v1/streams/{_stream}/ws?token={token}"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, why.StatusCode);

        await using var large = await Viewer.ConnectAsync(_address, _stream.ToString(), await DevelopmentTokens.CreateAsync(_address, "large", cancellationToken: TestContext.Current.CancellationToken));
        await large.SendAsync(new string('x', 300_000));
        Assert.Equal(1009, await large.WaitForCloseAsync());

        await using var last = await Viewer.ConnectAsync(_address, _stream.ToString(), await DevelopmentTokens.CreateAsync(_address, "last", cancellationToken: TestContext.Current.CancellationToken));
        await DoAsync("end");
        await last.WaitForAsync(EventNames.StreamEnded);
        var now = JsonElement.Parse(await _http.GetStringAsync(new Uri(_address, "/simulate"), TestContext.Current.CancellationToken));
        Assert.NotEqual(_stream, now.GetProperty("stream_id").GetGuid());

        foreach (var (fault, says) in new[] { ("explode", "do must be one of expire"), ("close?code=7", "code must be a close code"), ("drain?for=soon", "for must be a time") })
        {
            using var wrong = await _http.PostAsync(new Uri(_address, $"/simulate/{fault}"), null, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
            Assert.Contains(says, await wrong.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
    }

    private async Task DoAsync(string fault)
    {
        using var answer = await _http.PostAsync(new Uri(_address, $"/simulate/{fault}"), null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
