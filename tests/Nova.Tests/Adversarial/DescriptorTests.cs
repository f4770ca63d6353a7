using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>More connections than the system gives a process files for (F46): refused, survived, forgotten when they are gone.</summary>
public sealed class DescriptorTests
{
    private const int OpenFiles = 700;

    [Fact]
    public async Task MoreConnectionsThanDescriptors_AreRefused_AndTheProcessRecoversWithoutAWord()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits are set with ulimit.");
        await using var program = await NovaProgram.StartAsync(openFiles: OpenFiles);
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { BaseAddress = program.Address, Timeout = Api.Patience };
        var quiet = program.Output.Length;

        List<Socket> sockets = [];
        for (var i = 0; i < 2 * OpenFiles; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(program.Address.Host, program.Address.Port);
            await socket.SendAsync("GET /"u8.ToArray()); // Begun, so that the wait for a first byte does not end it.
            sockets.Add(socket);
        }

        sockets.ForEach(socket => socket.Dispose());
        await Eventually.TrueAsync(async () => await IsAliveAsync(http), "the process answers again");
        using var token = await http.PostAsJsonAsync("/dev/tokens", new { sub = "after" }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, token.StatusCode);
        Assert.Equal(3, (await token.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("token").GetString()!.Split('.').Length);
        Assert.InRange(program.Output[quiet..].Count(c => c == '\n'), 0, 50);
    }

    private static async Task<bool> IsAliveAsync(HttpClient http)
    {
        try
        {
            return (await http.GetAsync("/alive")).StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
