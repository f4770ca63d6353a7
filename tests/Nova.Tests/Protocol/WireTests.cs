using System.Text;
using System.Text.Json;
using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.Tests.Protocol;

public sealed class WireTests
{
    private static readonly DateTimeOffset Time = new(2025, 10, 21, 10, 30, 45, 123, TimeSpan.Zero);
    private static readonly Guid Stream = new("550e8400-e29b-41d4-a716-446655440000");

    [Fact]
    public void Encode_QualityChanged_IsTheDocumentsExample() => Assert.Equal(
        """{"event":"quality_changed","data":{"stream_id":"550e8400-e29b-41d4-a716-446655440000","previous_quality":"1080p","new_quality":"720p","previous_bitrate_kbps":5000,"new_bitrate_kbps":3000,"fps":60,"reason":"adaptive_bitrate","timestamp":"2025-10-21T10:30:45.123Z"}}""",
        Text(ProtocolJson.Encode(new QualityChanged(Stream, StreamQuality.P1080, StreamQuality.P720, 5000, 3000, 60, QualityChangeReason.AdaptiveBitrate, Time))));

    [Fact]
    public void Encode_Error_LeavesOutWhatOnlyDroppedMessagesHave() => Assert.Equal(
        """{"event":"error","data":{"error_code":"X","error_message":"m","severity":"info","recoverable":true,"suggested_action":"a","timestamp":"2025-10-21T10:30:45.123Z"}}""",
        Text(ProtocolJson.Encode(new ErrorMessage("X", "m", ErrorSeverity.Info, true, "a", Time))));

    [Theory]
    [InlineData(0, "2025-10-21T10:30:45.000Z")]
    [InlineData(9_999, "2025-10-21T10:30:45.000Z")] // Below a millisecond is cut, never rounded up into the future.
    [InlineData(1_230_000, "2025-10-21T10:30:45.123Z")]
    public void Encode_Timestamp_AlwaysHasThreeDigitsAndZ(long ticks, string expected)
    {
        var ping = new Ping(1, new DateTimeOffset(2025, 10, 21, 12, 30, 45, TimeSpan.FromHours(2)).AddTicks(ticks));
        Assert.Contains($"\"timestamp\":\"{expected}\"", Text(ProtocolJson.Encode(ping)));
    }

    [Fact]
    public void Encode_Title_SurvivesQuotesNewlinesAndEmoji()
    {
        var title = "“Café” \"quoted\"\n\t\\ 𝔘nicode 🎮 </script>";
        var started = new StreamStarted(Stream, "b", title, "", StreamQuality.Auto, 30, 1, Time);
        Assert.Equal(title, JsonElement.Parse(ProtocolJson.Encode(started)).GetProperty("data").GetProperty("title").GetString());
    }

    [Theory]
    [InlineData("\"1080P\"")]
    [InlineData("\"P1080\"")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("\"480p\"")]
    public void Read_QualityThatIsNoWireName_NamesTheChoices(string json)
    {
        var error = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<StreamQuality>(json));
        if (json != "null")
        {
            Assert.Contains("720p, 1080p, 4k, auto", error.Message);
        }
    }

    [Fact]
    public void ViewerId_SameSubject_IsStableAndHidesIt()
    {
        var id = ViewerId.From("user-123");
        Assert.Equal(id, ViewerId.From("user-123"));
        Assert.NotEqual(id, ViewerId.From("user-124"));
        Assert.Equal(5, id.Version);
        Assert.Equal(Stream, ViewerId.From("user-123", Stream.ToString()));
        Assert.Equal(id, ViewerId.From("user-123", "not-a-uuid"));
    }

    [Fact]
    public void StreamEvent_EncodedAndDecoded_IsTheSame()
    {
        var payload = ProtocolJson.Encode(new Ping(7, Time));
        var encoded = new StreamEvent(42, Time, "ping", "00-aa-bb-01", payload).Encode();
        Assert.True(StreamEvent.TryDecode(encoded, out var decoded));
        Assert.Equal((42, Time, "ping", "00-aa-bb-01"), (decoded!.Version, decoded.PublishedAt, decoded.EventName, decoded.TraceParent));
        Assert.Equal(payload, decoded.Payload.ToArray());
    }

    [Theory]
    [InlineData("""{"event":"ping","data":{}} """ + "x")]
    [InlineData("""{"event":"pong","data":{}}""")]
    [InlineData("""{"event":"ping","data":[]}""")]
    [InlineData("""{"event":"ping"}""")]
    [InlineData("not json")]
    [InlineData("")]
    public void StreamEvent_WithForgedPayload_IsRefused(string payload)
    {
        var encoded = new StreamEvent(1, Time, "ping", "", Encoding.UTF8.GetBytes(payload)).Encode();
        Assert.False(StreamEvent.TryDecode(encoded, out _));
    }

    [Fact]
    public void StreamEvent_CutAnywhere_IsRefusedWithoutThrowing()
    {
        var encoded = new StreamEvent(1, Time, "ping", "00-aa-bb-01", ProtocolJson.Encode(new Ping(7, Time))).Encode();
        for (var length = 0; length < encoded.Length; length++)
        {
            Assert.False(StreamEvent.TryDecode(encoded.AsMemory(0, length), out _));
        }
    }

    [Theory]
    [InlineData("C 3 5 -2 1761042645123", true)]
    [InlineData("C 3 2 -2 1761042645123", false)] // A peak below the total.
    [InlineData("C -1 2 -2 1761042645123", false)]
    [InlineData("C 3 5 -2", false)]
    [InlineData("C 3 5 -2 1761042645123 9", false)]
    [InlineData("C ", false)]
    [InlineData("", false)]
    public void ViewerCountEvent_Read_TakesOnlyWhatTheScriptWrites(string text, bool valid) =>
        Assert.Equal(valid, ViewerCountEvent.TryDecode(Encoding.UTF8.GetBytes(text), out _));

    private static string Text(byte[] utf8) => Encoding.UTF8.GetString(utf8);
}
