using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>What strangers do wrong is theirs, and is not written down line by line: who can fill a log fills a disk, and hides in it what matters.</summary>
public sealed class LogFloodTests
{
    private const int Times = 30;

    /// <summary>Nova.Standalone says less by itself.</summary>
    private static readonly Dictionary<string, string> AsServicesLog = new() { ["Logging__LogLevel__Default"] = "Information" };

    private static readonly string[] Mistakes =
    [
        "\u0016\u0003\u0001 hello\r\n\r\n",
        "GET /api/v1/streams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n\r\n",
        "GET /api/v1/streams/x/ws?token=a.b.c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "POST /dev/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
        "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{",
        "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{",
    ];

    [Fact]
    public async Task Mistakes_OfStrangers_DoNotFillTheLog()
    {
        await using var program = await NovaProgram.StartAsync(AsServicesLog);
        var before = program.Output.Length;
        foreach (var mistake in Mistakes)
        {
            for (var i = 0; i < Times; i++)
            {
                await using var client = await RawViewer.OpenAsync(program.Address);
                await client.WriteAsync(Encoding.Latin1.GetBytes(mistake));
                client.EndWriting();
                await client.DrainAsync();
            }
        }

        using var http = new HttpClient { BaseAddress = program.Address };
        Assert.True((await http.GetAsync("/alive", TestContext.Current.CancellationToken)).IsSuccessStatusCode);
        await AssertLittleIsSaidAsync(program, before);
    }

    [Fact]
    public async Task Viewers_WhoComeAndGo_DoNotFillTheLog()
    {
        await using var program = await NovaProgram.StartAsync(AsServicesLog);
        using var http = new HttpClient { BaseAddress = program.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", await program.TokenAsync("publisher", "broadcaster"));
        using var created = await http.PostAsJsonAsync("/api/v1/streams", new { title = "Quiet" }, TestContext.Current.CancellationToken);
        var streamId = (await created.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("stream_id").GetString()!;
        var token = await program.TokenAsync("watcher");
        var before = program.Output.Length;
        for (var i = 0; i < Times; i++)
        {
            await using var viewer = await Viewer.ConnectAsync(program.Address, streamId, token);
        }

        await AssertLittleIsSaidAsync(program, before);
    }

    private static async Task AssertLittleIsSaidAsync(NovaProgram program, int before)
    {
        await program.StopAsync(); // What it had to say it has said by then.
        var lines = program.Output[before..].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length < Times, string.Join('\n', lines.Take(10)));
    }
}
