using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nova.LocalInfra;
using Nova.Protocol;
using Nova.Tests.Support;
using Npgsql;
using StackExchange.Redis;

namespace Nova.Tests.Adversarial;

/// <summary>
/// Nothing secret leaves Nova (F20): after a busy run with debug logging and everything exported, tokens, keys and passwords are searched for in
/// all that it printed, exported, kept in Redis and Postgres, and answered.
/// </summary>
public sealed class LeakTests(NovaFixture nova, ITestOutputHelper output)
{
    private readonly List<(string What, byte[] Bytes)> _secrets = [];
    private readonly ConcurrentBag<string> _answers = [];

    [Fact]
    public async Task ABusyRun_LeavesNoSecretAnywhere()
    {
        using var redis = LocalRedis.Start();
        await using var collector = await Collector.StartAsync();
        var internalKey = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var databases = new[] { "streams", "telemetry" }.Select(name =>
            new NpgsqlConnectionStringBuilder(nova.Stack.ConnectionString(name)) { Database = $"leak_{Guid.CreateVersion7():N}" }).ToArray();
        await using var program = await NovaProgram.StartAsync(new Dictionary<string, string>
        {
            ["Logging__LogLevel__Default"] = "Debug",
            ["Logging__LogLevel__Microsoft.AspNetCore"] = "Debug",
            ["Logging__LogLevel__Microsoft.Extensions.Http"] = "Debug",
            ["Logging__LogLevel__Npgsql"] = "Debug",
            ["Logging__LogLevel__Polly"] = "Debug",
            ["Logging__LogLevel__StackExchange.Redis"] = "Debug",
            ["Logging__LogLevel__System.Net.Http.HttpClient"] = "Debug",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
            ["Internal__ApiKey"] = internalKey,
            ["ConnectionStrings__redis"] = redis.ConnectionString,
            ["ConnectionStrings__streams"] = databases[0].ConnectionString,
            ["ConnectionStrings__telemetry"] = databases[1].ConnectionString,
        });
        Secret("internal key", internalKey);
        Secret("signing key, base64", program.SigningKey);
        _secrets.Add(("signing key", Convert.FromBase64String(program.SigningKey)));
        Secret("database password", databases[0].Password!);

        await RunAsync(program);
        var stored = await DumpAsync(redis.ConnectionString, databases.Select(database => database.ConnectionString));
        await program.StopAsync();

        Assert.True(collector.Bodies.Count > 3 && program.Output.Length > 10_000 && stored.Length > 1000, "There was nothing to search.");
        Search("the log", Encoding.UTF8.GetBytes(program.Output));
        Search("Redis or Postgres", Encoding.UTF8.GetBytes(stored));
        Search("an answer", Encoding.UTF8.GetBytes(string.Join('\n', _answers)));
        foreach (var body in collector.Bodies)
        {
            Search("what was exported", body);
        }

        Assert.DoesNotContain(_answers, answer => answer.Contains(" at Nova.") || answer.Contains("Exception") || answer.Contains("Npgsql"));
        output.WriteLine($"{_secrets.Count} secrets; {program.Output.Length:N0} characters of log, {collector.Bodies.Sum(body => body.Length):N0} bytes exported, "
            + $"{stored.Length:N0} characters in Redis and Postgres, {_answers.Count} answers: 0 hits");
    }

    private async Task RunAsync(NovaProgram program)
    {
        var address = program.Address;
        using var http = new HttpClient { BaseAddress = address, Timeout = Api.Patience };
        var (broadcaster, viewer, renewed) = (await TokenAsync(program, "b", "broadcaster"), await TokenAsync(program, "v"), await TokenAsync(program, "v"));
        var streamId = JsonElement.Parse(await SendAsync(http, HttpMethod.Post, "/api/v1/streams", """{"title":"Leaks"}""", broadcaster)).GetProperty("stream_id").GetString()!;
        var path = $"/api/v1/streams/{streamId}";
        await SendAsync(http, HttpMethod.Post, $"{path}/start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", broadcaster);

        await using var watching = await Viewer.ConnectAsync(address, streamId, viewer);
        await watching.WaitForAsync(EventNames.ViewerCountChanged);
        await watching.SendAsync($$$"""{"event":"refresh_token","data":{"token":"{{{renewed}}}"}}""");
        await watching.WaitForAsync(EventNames.TokenRefreshed);
        await watching.SendAsync($$$"""{"event":"refresh_token","data":{"token":"{{{Forged(renewed)}}}"}}""");
        await watching.WaitForAsync(EventNames.Error);
        await watching.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"r"}}""");
        await watching.WaitForAsync(EventNames.IssueReceived);

        foreach (var token in new[] { viewer, Forged(viewer), $"{viewer}x", viewer[..^4] })
        {
            await SendAsync(http, HttpMethod.Get, $"{path}/ws?token={token}", null, null);
            await SendAsync(http, HttpMethod.Get, $"{path}/ws?token={token}&token={broadcaster}", null, null);
            await SendAsync(http, HttpMethod.Post, $"{path}/ws?token={token}", "{}", null);
            await SendAsync(http, HttpMethod.Get, $"{path}?token={token}", null, null); // Where no token belongs.
            await SendAsync(http, HttpMethod.Get, "/api/v1/issues", null, token);
            await using var raw = await RawViewer.OpenAsync(address);
            await raw.WriteAsync(Encoding.ASCII.GetBytes($"GET {path}/ws?token={token} HTTP/9.9\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"));
            await using var offering = await RawViewer.OpenAsync(address);
            await offering.UpgradeAsync(RawViewer.Request(address, $"{path}/ws", headers:
                ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short", $"Sec-WebSocket-Protocol: nova.v1, nova-token.{token}"]));
        }

        await SendAsync(http, HttpMethod.Post, $"{path}/quality", "{", broadcaster);
        await SendAsync(http, HttpMethod.Post, $"{path}/quality", """{"new_quality":"8k"}""", broadcaster);
        await SendAsync(http, HttpMethod.Delete, $"{path}/viewers/{watching.Frames[0].Text("viewer_id")}", null, broadcaster);
        Assert.Equal(4403, await watching.WaitForCloseAsync());
        await SendAsync(http, HttpMethod.Post, $"{path}/end", null, broadcaster);
        foreach (var frame in watching.Frames)
        {
            _answers.Add(frame.Raw);
        }
    }

    private async Task<string> TokenAsync(NovaProgram program, string subject, string role = "viewer")
    {
        var token = await program.TokenAsync(subject, role);
        Secret($"token of {subject}", token);
        Secret($"signature of {subject}", token.Split('.')[2]);
        return token;
    }

    /// <summary>Right but for its last characters: what an attacker, or a bug elsewhere, would send, and just as secret.</summary>
    private string Forged(string token)
    {
        var forged = $"{token[..^6]}AAAAAA";
        Secret("forged signature", forged.Split('.')[2]);
        return forged;
    }

    private async Task<string> SendAsync(HttpClient http, HttpMethod method, string path, string? body, string? token)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        _answers.Add($"{response.Headers}{text}");
        return text;
    }

    private void Secret(string what, string text) => _secrets.Add((what, Encoding.UTF8.GetBytes(text)));

    private void Search(string where, ReadOnlySpan<byte> text)
    {
        foreach (var (what, bytes) in _secrets)
        {
            var at = text.IndexOf(bytes);
            Assert.True(at < 0, at < 0 ? "" : $"The {what} is in {where}: …{Encoding.UTF8.GetString(text[Math.Max(0, at - 200)..at])}");
        }
    }

    private static async Task<string> DumpAsync(string redis, IEnumerable<string> databases)
    {
        var dump = new StringBuilder();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(redis);
        var database = connection.GetDatabase();
        await foreach (var key in connection.GetServers()[0].KeysAsync())
        {
            object[] content = await database.KeyTypeAsync(key) switch
            {
                RedisType.Hash => [.. (await database.HashGetAllAsync(key)).Select(field => $"{field.Name}={field.Value}")],
                RedisType.SortedSet => [.. (await database.SortedSetRangeByRankWithScoresAsync(key)).Select(entry => $"{entry.Element}={entry.Score}")],
                RedisType.Set => [.. await database.SetMembersAsync(key)],
                _ => [await database.StringGetAsync(key)],
            };
            dump.AppendLine($"{key} {string.Join(' ', content)}");
        }

        foreach (var connectionString in databases)
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            List<string> tables = [];
            await using (var list = await source.CreateCommand("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").ExecuteReaderAsync())
            {
                while (await list.ReadAsync())
                {
                    tables.Add(list.GetString(0));
                }
            }

            foreach (var table in tables)
            {
                await using var rows = await source.CreateCommand($"SELECT t::text FROM \"{table}\" t").ExecuteReaderAsync();
                while (await rows.ReadAsync())
                {
                    dump.AppendLine($"{table} {rows.GetString(0)}");
                }
            }
        }

        return dump.ToString();
    }

    /// <summary>An OpenTelemetry collector that keeps what it gets.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;

        private Collector(WebApplication app)
        {
            _app = app;
            app.Run(async http =>
            {
                using var body = new MemoryStream();
                await http.Request.Body.CopyToAsync(body);
                Bodies.Add(body.ToArray());
            });
        }

        public ConcurrentBag<byte[]> Bodies { get; } = [];

        public string Address => _app.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            var collector = new Collector(builder.Build());
            await collector._app.StartAsync();
            return collector;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
