using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nova.Protocol;

/// <summary>Times on the wire are UTC with exactly three digits of milliseconds: <c>2025-10-21T10:30:45.123Z</c> (R20).</summary>
public sealed class TimestampConverter : JsonConverter<DateTimeOffset>
{
    private const int Length = 24;

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var value)
            ? value.ToUniversalTime()
            : throw new JsonException("must be an ISO 8601 time such as 2025-10-21T10:30:45.123Z");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[Length];
        value.UtcDateTime.TryFormat(text, out _, Timestamps.WireFormat, CultureInfo.InvariantCulture);
        writer.WriteStringValue(text);
    }
}

public static class Timestamps
{
    internal const string WireFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>As in JSON.</summary>
    public static string Format(DateTimeOffset value) => value.UtcDateTime.ToString(WireFormat, CultureInfo.InvariantCulture);

    /// <summary>
    /// <paramref name="value"/> without what the wire cannot show, so that a stored time, its event and the API's answer are equal.
    /// </summary>
    public static DateTimeOffset TruncateToMilliseconds(this DateTimeOffset value) =>
        new(value.UtcTicks - (value.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
