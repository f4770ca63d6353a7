using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Nova.Protocol.Live;

namespace Nova.Protocol;

/// <summary>Source-generated JSON of everything that crosses a wire, and the one way to encode a server message.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [typeof(TimestampConverter)],
    RespectRequiredConstructorParameters = true,
    MaxDepth = Limits.MaxJsonDepth)]
[JsonSerializable(typeof(ConnectionEstablished))]
[JsonSerializable(typeof(StreamStarted))]
[JsonSerializable(typeof(StreamUpdated))]
[JsonSerializable(typeof(StreamEnded))]
[JsonSerializable(typeof(StreamDeleted))]
[JsonSerializable(typeof(ViewerCountChanged))]
[JsonSerializable(typeof(QualityChanged))]
[JsonSerializable(typeof(BitrateUpdate))]
[JsonSerializable(typeof(ErrorMessage))]
[JsonSerializable(typeof(Ping))]
[JsonSerializable(typeof(StreamInfo))]
[JsonSerializable(typeof(IssueReceived))]
[JsonSerializable(typeof(TokenRefreshed))]
[JsonSerializable(typeof(ViewerKick))]
[JsonSerializable(typeof(StreamSnapshot))]
[JsonSerializable(typeof(IssueBatch))]
[JsonSerializable(typeof(IssueBatchReceipt))]
[JsonSerializable(typeof(TimelinePage))]
public sealed partial class ProtocolJson : JsonSerializerContext
{
    // Nothing here is put into HTML as it is; escaping only what JSON demands keeps Unicode titles readable and frames short.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Writer)? t_scratch;

    /// <summary>One message as UTF-8: <c>{"event":"…","data":{…}}</c>. Allocates the result and nothing else.</summary>
    public static byte[] Encode<T>(T message)
        where T : IServerMessage<T>
    {
        if (t_scratch is not var (buffer, writer))
        {
            buffer = new ArrayBufferWriter<byte>(1024);
            writer = new Utf8JsonWriter(buffer, WriterOptions);
            t_scratch = (buffer, writer);
        }

        buffer.ResetWrittenCount();
        writer.Reset(buffer);
        writer.WriteStartObject();
        writer.WriteString("event"u8, T.EventName);
        writer.WritePropertyName("data"u8);
        JsonSerializer.Serialize(writer, message, T.TypeInfo);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
