using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>What several of the rules' tests ask, and what is true of every answer.</summary>
internal static class Ask
{
    /// <summary>The document's five causes of trouble at the ingest and elsewhere all have this shape (R63, R64).</summary>
    private static readonly string[] ErrorMembers = ["error_code", "error_message", "severity", "recoverable", "suggested_action", "timestamp"];

    /// <summary>What a broadcaster's tools say of a moment's trouble, as the publisher's API takes it.</summary>
    public const string IngestTrouble =
        """{"error_code":"BUFFER_OVERFLOW","error_message":"m","severity":"warning","recoverable":true,"suggested_action":"a"}""";

    /// <summary>Asks for the stream's info and waits for the answer. Everything the server had to say before is there then.</summary>
    public static async Task<Frame> InfoAsync(this Viewer viewer, string? requestId = null, TimeSpan? within = null)
    {
        requestId ??= Guid.NewGuid().ToString("N");
        await viewer.SendAsync(JsonSerializer.Serialize(new { @event = "get_stream_info", data = new { request_id = requestId } }));
        return await viewer.WaitForAsync(EventNames.StreamInfo, info => info.GetProperty("request_id").GetString() == requestId, within);
    }

    public static string Pong(long sequence) => $$$"""{"event":"pong","data":{"sequence":{{{sequence}}},"timestamp":"2025-10-21T10:50:00.500Z"}}""";

    public static Task PongAsync(this Viewer viewer, long sequence) => viewer.SendAsync(Pong(sequence));

    public static Task<Frame> WaitForPingAsync(this Viewer viewer, long sequence) =>
        viewer.WaitForAsync(EventNames.Ping, ping => ping.GetProperty("sequence").GetInt64() == sequence, TimeSpan.FromSeconds((30 * sequence) + 10));

    public static Task<Frame> WaitForCountAsync(this Viewer viewer, int viewers, TimeSpan? within = null) =>
        viewer.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == viewers, within);

    public static Task<Answer> ChangeQualityAsync(this TestStream stream, int kbps, string quality = "720p") => stream.PostAsync(
        "quality", $$"""{"new_quality":"{{quality}}","new_bitrate_kbps":{{kbps}},"reason":"adaptive_bitrate"}""");

    /// <summary>The change that <see cref="ChangeQualityAsync"/> or a flood numbered so.</summary>
    public static Task<Frame> WaitForChangeAsync(this Viewer viewer, int kbps, TimeSpan? within = null, int from = 0) => viewer.WaitForAsync(
        EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == kbps, within, from);

    public static IReadOnlyList<Frame> Of(this Viewer viewer, string name) => [.. viewer.Frames.Where(frame => frame.Event == name)];

    /// <summary>What is told of the stream. A ping is the gateway's own, with its own clock's time.</summary>
    public static IReadOnlyList<Frame> OfStream(this Viewer viewer, int from) => [.. viewer.Frames.Skip(from).Where(frame => frame.Event != EventNames.Ping)];

    public static bool IsRecoverable(this Frame error) => error.Data.GetProperty("recoverable").GetBoolean();

    /// <summary>A plain GET gets what an upgrade would (S12), body included, which a WebSocket client does not show.</summary>
    public static async Task<Answer> RefusalAsync(this Api api, string path) => await api.SendAsync(HttpMethod.Get, path, null, null);

    /// <summary>The upgrade itself is refused with that status: no 101 comes before it.</summary>
    public static async Task AssertUpgradeRefusedAsync(Uri gateway, string path, HttpStatusCode status)
    {
        await using var client = await RawViewer.OpenAsync(gateway);
        var answer = await client.UpgradeAsync(RawViewer.Request(gateway, path));
        Assert.Equal((int)status, answer.Status);
    }

    /// <summary>The idle timeout: 60 s, found out up to 5 s later, and not after 75 s (R96), on a machine that has other things to do.</summary>
    public static void AssertIdleTimeout(TimeSpan silence) => Assert.InRange(silence.TotalSeconds, 59, 69);

    public static void AssertInOrderOfTime(IEnumerable<Frame> frames)
    {
        foreach (var (earlier, later) in frames.Zip(frames.Skip(1)))
        {
            Assert.True(earlier.Timestamp <= later.Timestamp, $"The second is older by its own time:\n{earlier.Raw}\n{later.Raw}");
        }
    }

    public static void AssertErrorShape(Frame error)
    {
        Assert.Equal(EventNames.Error, error.Event);
        Assert.All(ErrorMembers, name => Assert.True(error.Data.TryGetProperty(name, out _), $"{name} is missing in {error.Raw}"));
        Assert.All(
            ErrorMembers.Where(name => name != "recoverable"), name => Assert.Equal(JsonValueKind.String, error.Data.GetProperty(name).ValueKind));
        Assert.Contains(error.Data.GetProperty("recoverable").ValueKind, new[] { JsonValueKind.True, JsonValueKind.False });
        Assert.Contains(error.Text("severity"), new[] { "info", "warning", "error", "critical" });
        Assert.Matches("^[A-Z]+(_[A-Z]+)*$", error.Text("error_code"));
        Assert.NotEmpty(error.Text("error_message"));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", error.Text("timestamp"));
    }

    /// <summary>Nothing of Nova's inside is in a text for viewers.</summary>
    public static void AssertNoInternals(string text)
    {
        foreach (var word in new[] { "Exception", "System.", "Nova.", "Npgsql", "Redis", "127.0.0.1", "   at " })
        {
            Assert.DoesNotContain(word, text, StringComparison.OrdinalIgnoreCase);
        }
    }
}
