using System.Buffers;
using System.Text.Json;
using Nova.Protocol;

namespace Nova.Client.Viewing;

/// <summary>What a viewer sends, as it goes over the wire.</summary>
internal static class ClientMessages
{
    public static byte[] Pong(long sequence, DateTimeOffset now) => Write(EventNames.Pong, writer =>
    {
        writer.WriteNumber("sequence", sequence);
        writer.WriteString("timestamp", now.UtcDateTime);
    });

    public static byte[] GetStreamInfo(string requestId) => Write(EventNames.GetStreamInfo, writer => writer.WriteString("request_id", requestId));

    public static byte[] RefreshToken(string token) => Write(EventNames.RefreshToken, writer => writer.WriteString("token", token));

    public static byte[] ReportIssue(ViewerReport report, string reportId) => Write(EventNames.ReportIssue, writer =>
    {
        writer.WriteString("issue_type", WireNames<IssueType>.Of(report.IssueType));
        writer.WriteString("severity", WireNames<IssueSeverity>.Of(report.Severity));
        writer.WriteString("report_id", reportId);
        writer.WriteString("description", report.Description);
        writer.WritePropertyName("client_info");
        writer.WriteRawValue(report.ClientInfo?.ToJsonString() ?? "null");
    });

    private static byte[] Write(string name, Action<Utf8JsonWriter> data)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteString("event", name);
        writer.WriteStartObject("data");
        data(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
