using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Nova.Protocol;
using static Nova.Tests.Protocol.Conformance.Sabotages;

namespace Nova.Tests.Protocol.Conformance;

internal sealed record SabotageRow(MethodInfo Test, Sabotage Sabotage);

/// <summary>
/// What is broken, and for which rule's test. Left out are the tests that wait for pings or tokens (R8, R15, R56, R76–R82, R96, R101–R103, R108,
/// the silent halves of R11 and R41), the ones that must run alone (R47, R112), those that bring a Nova of their own, which no saboteur reaches (R6,
/// R34, R35, R70, R90, R100), and those whose subject is what goes to the server or waits in it (R91, R93–R95, R104–R107, R109–R111).
/// </summary>
internal static class SabotageTable
{
    private const string Greeting = EventNames.ConnectionEstablished;
    private const string Started = EventNames.StreamStarted;
    private const string Ended = EventNames.StreamEnded;
    private const string Count = EventNames.ViewerCountChanged;
    private const string Quality = EventNames.QualityChanged;
    private const string Bitrate = EventNames.BitrateUpdate;
    private const string Error = EventNames.Error;
    private const string Info = EventNames.StreamInfo;

    private const string AnotherId = "550e8400-e29b-41d4-a716-446655440000";
    private const string LongAgo = "2020-01-01T00:00:00.000Z";
    private const string WithoutMilliseconds = "2025-10-21T10:35:20Z";

    private const string AnotherCount =
        $$$"""{"event":"viewer_count_changed","data":{"stream_id":"{{{AnotherId}}}","viewer_count":1,"peak_viewers":1,"change":0}}""";

    private const string AnotherStart =
        $$$"""{"event":"stream_started","data":{"stream_id":"{{{AnotherId}}}","title":"t","timestamp":"{{{LongAgo}}}"}}""";

    private const string AnotherInfo = """{"event":"stream_info","data":{"request_id":"r","viewer_count":1}}""";

    private const string AnotherError = """{"event":"error","data":{"error_code":"SERVER_ERROR","recoverable":true}}""";

    /// <summary>Rule and violation, which name the row.</summary>
    public static IReadOnlyDictionary<string, SabotageRow> Rows { get; } = new[]
    {
        Of<ConnectionRuleTests>(
            ("R1 the accept key is another's", HeadOf("/ws?", head => head.Replace("xOo=", "xOg="))),
            ("R1 an upgrade is answered 200", Status(101, 200)),
            ("R1 a neighbour is upgraded", Status(404, 101)),
            ("R2 ws greets otherwise than wss", Set(Greeting, "viewer_id", AnotherId)),
            ("R3 no token is 404", HeadOf("/ws", head => head.Replace(" 401 ", " 404 "))),
            ("R3 no token is welcome", HeadOf("/ws", head => head.Replace(" 401 ", " 101 "))),
            ("R4 a forged token is 403", Status(401, 403)),
            ("R5 the default protocol is another", Set(Greeting, "protocol_version", "1.1")),
            ("R7 the query is not understood", Status(101, 400)),
            ("R9 the id comes back in upper case", SetText(Greeting, "stream_id", text => text.ToUpperInvariant())),
            ("R9 what is no UUID is 400", Status(404, 400))),
        Of<EnvelopeRuleTests>(
            ("R10 a message is an array", Rewrite(Quality, text => $"[{text}]")),
            ("R10 two messages come as one", Rewrite(Bitrate, text => $"{text}\n{text}")),
            ("R10 data is a string", Rewrite(Ended, _ => """{"event":"stream_ended","data":"{}"}""")),
            ("R10 there is no data", Rewrite(Started, _ => """{"event":"stream_started"}""")),
            ("R11 a number is a string", Set(Count, "viewer_count", "1")),
            ("R11 a number has a fraction", Set(Bitrate, "current_bitrate_kbps", 4850.5)),
            ("R11 a member is missing", Remove(Ended, "final_viewer_count")),
            ("R11 a name is in camel case", Set(Quality, "newQuality", "720p")),
            ("R11 a time has no milliseconds", Set(Error, "timestamp", WithoutMilliseconds)),
            ("R11 an id is no UUID", Set(Greeting, "viewer_id", "a1b2c3d4-e5f6-g7h8-i9j0-k1l2m3n4o5p6")),
            ("R11 a boolean is a string", Set(Error, "recoverable", "true")),
            ("R11 a status is unknown", Set(Info, "status", "live")),
            ("R12 a form of the envelope is an error", InsertBefore(Info, AnotherError))),
        Of<ConnectionEstablishedRuleTests>(
            ("R13 a count comes before the greeting", InsertBefore(Greeting, AnotherCount)),
            ("R13 the greeting is dropped", Drop(Greeting)),
            ("R14 the greeting comes late", Delay(Greeting, 600)),
            ("R16 the stream is another", Set(Greeting, "stream_id", AnotherId)),
            ("R17 the viewer is a new one each time", Change(Greeting, data => data["viewer_id"] = Guid.NewGuid().ToString())),
            ("R17 all viewers are one", Set(Greeting, "viewer_id", AnotherId)),
            ("R17 the viewer is the token's subject", Set(Greeting, "viewer_id", "viewer")),
            ("R18 a session repeats", Set(Greeting, "session_id", "session_abc123xyz")),
            ("R18 a session has no name", Set(Greeting, "session_id", "")),
            ("R19 the version is a number", Set(Greeting, "protocol_version", 1.0)),
            ("R20 the time has no milliseconds", Set(Greeting, "timestamp", WithoutMilliseconds)),
            ("R20 the time has an offset", SetText(Greeting, "timestamp", text => text.Replace("Z", "+00:00"))),
            ("R20 the clock is wrong", ShiftTime(Greeting, -5))),
        Of<StreamStartedRuleTests>(
            ("R21 the start is told twice", Repeat(Started)),
            ("R21 the start is told late", Delay(Started, 900)),
            ("R22 a count comes before the start", InsertBefore(Started, AnotherCount)),
            ("R22 the start is told twice", Repeat(Started)),
            ("R23 a start that did not happen is told", InsertAfter(Greeting, AnotherStart)),
            ("R24 the title loses what is not in the BMP", SetText(Started, "title", text => text.Replace("🎮", "\ufffd"))),
            ("R24 the description is trimmed", SetText(Started, "description", text => text.Split('\r')[0])),
            ("R24 the broadcaster is another", Set(Started, "broadcaster_id", "user-123")),
            ("R25 the quality is the present one", Set(Started, "quality", "720p")),
            ("R26 the frames per second are a string", Set(Started, "fps", "48")),
            ("R27 the bitrate is the present one", Set(Started, "bitrate_kbps", 3000)),
            ("R28 the time is the message's", ShiftTime(Started, 1))),
        Of<StreamEndedRuleTests>(
            ("R29 the end is told twice", Repeat(Ended)),
            ("R29 the end is told late", Delay(Ended, 900)),
            ("R30 the duration is of another broadcast", Add(Ended, "duration_seconds", 3600)),
            ("R31 the peak is one too few", Add(Ended, "peak_viewers", -1)),
            ("R32 nobody is left at the end", Set(Ended, "final_viewer_count", 0)),
            ("R33 the reason is another", Set(Ended, "reason", "error")),
            ("R36 the reason is hidden", Set(Ended, "reason", "broadcaster_ended")),
            ("R36 an unknown reason is accepted", Accept("end")),
            ("R37 the end is before the start", Set(Ended, "timestamp", LongAgo)),
            ("R38 the close has another code", new Sabotage { Close = _ => 1001 }),
            ("R38 there is no close", new Sabotage { Close = _ => null }),
            ("R38 something comes after the end", InsertAfter(Ended, AnotherCount))),
        Of<ViewerCountRuleTests>(
            ("R39 a join changes by two", Add(Count, "change", 1)),
            ("R39 a join is told as a string", Change(Count, data => data["change"] = data["change"]!.ToString())),
            ("R40 a leave is a positive change", Unsigned),
            ("R41 an abrupt leave is a positive change", Unsigned),
            ("R42 the last count is another", InsertBefore(Ended, AnotherCount)),
            ("R43 the peak goes down with the count", Change(Count, data => data["peak_viewers"] = data["viewer_count"]!.DeepClone())),
            ("R43 the peak is too high", Add(Count, "peak_viewers", 1)),
            ("R44 changes have no sign", Unsigned),
            ("R44 a change is left out", ChangeSecond(Count, data => data["change"] = data["change"]!.GetValue<int>() - 1)),
            ("R45 a time goes back", ChangeSecond(Count, data => data["timestamp"] = LongAgo)),
            ("R45 a time has no milliseconds", ChangeSecond(Count, data => data["timestamp"] = WithoutMilliseconds)),
            ("R46 another stream's count is told", InsertAfter(Greeting, AnotherCount)),
            ("R48 every join is a message", OneMessageForEach)),
        Of<QualityRuleTests>(
            ("R49 a change is told twice", Repeat(Quality)),
            ("R49 a change is told late", Delay(Quality, 900)),
            ("R50 the previous quality is another", ChangeSecond(Quality, data => data["previous_quality"] = "auto")),
            ("R50 changes come out of order", Swap(Quality)),
            ("R51 a quality is in upper case", SetText(Quality, "new_quality", text => text.ToUpperInvariant())),
            ("R51 an unknown quality is accepted", Accept("quality")),
            ("R52 the previous bitrate is another", ChangeSecond(Quality, data => data["previous_bitrate_kbps"] = 5000)),
            ("R52 a bitrate is a string", Set(Quality, "previous_bitrate_kbps", "5000")),
            ("R53 the frames per second are another's", Set(Quality, "fps", 30)),
            ("R54 every reason is the same", Set(Quality, "reason", "adaptive_bitrate")),
            ("R54 an unknown reason is accepted", Accept("quality")),
            ("R55 a time goes back", ChangeSecond(Quality, data => data["timestamp"] = LongAgo)),
            ("R55 the times are out of order", Swap(Quality))),
        Of<BitrateRuleTests>(
            ("R57 every measurement is told twice", Repeat(Bitrate)),
            ("R57 the quality is another", Set(Bitrate, "quality", "720p")),
            ("R57 the stream is another", Set(Bitrate, "stream_id", AnotherId)),
            ("R58 a maximum is only good", Set(Bitrate, "health", "good")),
            ("R59 the lower bound is fair", HealthAt(4200, "fair")),
            ("R59 the upper bound is excellent", HealthAt(5400, "excellent")),
            ("R60 the lower bound is poor", HealthAt(3000, "poor")),
            ("R61 nothing has no health", HealthAt(0, null)),
            ("R62 the announced bitrate is the maximum", Set(Bitrate, "health", "excellent"))),
        Of<ErrorRuleTests>(
            ("R63 an error has no severity", Remove(Error, "severity")),
            ("R63 an error has no advice", Remove(Error, "suggested_action")),
            ("R63 an error has no time", Remove(Error, "timestamp")),
            ("R64 an error is told twice", Repeat(Error)),
            ("R64 an unknown severity is accepted", Accept("error")),
            ("R65 a harmless error is the end", Set(Error, "recoverable", false)),
            ("R65 a last error is none", Set(Error, "recoverable", true)),
            ("R66 what is not there is 410", Status(404, 410)),
            ("R66 the stream that goes is an error of the server", Set(Error, "error_code", ErrorCodes.ServerError)),
            ("R67 who comes late hears another code", Set(Error, "error_code", ErrorCodes.StreamNotFound)),
            ("R68 a refused token is 403", Status(401, 403)),
            ("R68 the revoked is closed as at the end", new Sabotage { Close = _ => 1000 }),
            ("R69 the code is another", Set(Error, "error_code", ErrorCodes.ServerError)),
            ("R69 something comes behind the error", InsertAfter(Error, AnotherCount)),
            ("R69 the close is a normal one", new Sabotage { Close = _ => 1000 }),
            ("R74 who may not watch is 401", Status(403, 401)),
            ("R74 the lost right may come back", Set(Error, "recoverable", true))),
        Of<LimitRuleTests>(
            ("R75 the warning is an error", Set(Error, "severity", "error")),
            ("R75 the warning is the end", Set(Error, "recoverable", false))),
        Of<StreamInfoRuleTests>(
            ("R83 an answer comes twice", Repeat(Info)),
            ("R84 a field is missing", Remove(Info, "fps")),
            ("R84 a number is a string", Set(Info, "bitrate_kbps", "5000")),
            ("R84 the count is one too many", Add(Info, "viewer_count", 1)),
            ("R84 the quality is the first one", Set(Info, "quality", "1080p")),
            ("R85 a stream that waits is active", Set(Info, "status", "active")),
            ("R86 the duration stands still", Set(Info, "duration_seconds", 0)),
            ("R87 others hear an answer", InsertBefore(Quality, AnotherInfo))),
        Of<ReportIssueRuleTests>(
            ("R88 a report is complained of", InsertBefore(Info, AnotherError)),
            ("R89 the session is another", Set(Greeting, "session_id", "session_abc123xyz")),
            ("R89 the viewer is another", Set(Greeting, "viewer_id", AnotherId))),
        Of<RefusalRuleTests>(
            ("R92 the life ends otherwise", new Sabotage { Close = _ => 1001 }),
            ("R92 the start is told to who has heard of it", Repeat(Started))),
        Of<ReconnectRuleTests>(
            ("R97 the session comes back", Set(Greeting, "session_id", "session_abc123xyz")),
            ("R97 the viewer is somebody else", Change(Greeting, data => data["viewer_id"] = Guid.NewGuid().ToString()))),
        Of<OrderingRuleTests>(
            ("R98 changes come out of order", Swap(Quality)),
            ("R98 a change is told twice", Repeat(Quality)),
            ("R99 two messages come as one", Rewrite(Quality, text => $"{text}\n{text}"))),
    }.SelectMany(rows => rows).ToDictionary();

    private static Sabotage Unsigned => Change(Count, data => data["change"] = Math.Abs(data["change"]!.GetValue<int>()));

    private static Sabotage OneMessageForEach => OnEvent(Count, async (message, send) =>
    {
        for (var left = JsonNode.Parse(message)!["data"]!["change"]!.GetValue<int>(); left > 0; left--)
        {
            await send(message);
        }
    });

    private static Sabotage HealthAt(int kbps, string? health) => Change(Bitrate, data =>
    {
        if (data["current_bitrate_kbps"]!.GetValue<int>() == kbps)
        {
            data["health"] = health;
        }
    });

    private static Sabotage ShiftTime(string name, int seconds) => Change(name, data => data["timestamp"] =
        data["timestamp"]!.GetValue<DateTimeOffset>().AddSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    /// <summary>Rows of a class's tests: the rule's number finds the test.</summary>
    private static IEnumerable<KeyValuePair<string, SabotageRow>> Of<TTests>(params (string Violation, Sabotage Sabotage)[] rows)
        where TTests : RuleTests => rows.Select(row =>
    {
        var test = typeof(TTests).GetMethods().Single(method => method.Name.StartsWith($"{row.Violation.Split(' ')[0]}_", StringComparison.Ordinal));
        return KeyValuePair.Create(row.Violation, new SabotageRow(test, row.Sabotage));
    });
}
