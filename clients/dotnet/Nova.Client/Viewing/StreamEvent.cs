using System.Collections.Frozen;
using System.Text.Json;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>One message of Nova.</summary>
/// <param name="Name">Its event's name, one of <see cref="EventNames"/> or of a later version.</param>
/// <param name="Message">Its data, such as <see cref="ViewerCountChanged"/>; null for an event that this version does not know.</param>
/// <param name="Data">Its data as it came.</param>
public sealed record StreamEvent(string Name, IServerMessage? Message, JsonElement Data)
{
    private static readonly FrozenDictionary<string, Func<JsonElement, IServerMessage?>> Readers = new[]
    {
        Reader<ConnectionEstablished>(), Reader<StreamStarted>(), Reader<StreamUpdated>(), Reader<StreamEnded>(), Reader<ViewerCountChanged>(), Reader<QualityChanged>(),
        Reader<BitrateUpdate>(), Reader<ErrorMessage>(), Reader<Ping>(), Reader<StreamInfo>(), Reader<IssueReceived>(), Reader<TokenRefreshed>(),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <returns>Null for what is no message of the protocol.</returns>
    internal static StreamEvent? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var root = JsonElement.Parse(json);
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("event", out var name) || !root.TryGetProperty("data", out var data) || name.GetString() is not { } text)
            {
                return null;
            }

            return new StreamEvent(text, Readers.TryGetValue(text, out var read) ? read(data) : null, data);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static KeyValuePair<string, Func<JsonElement, IServerMessage?>> Reader<T>()
        where T : class, IServerMessage<T> => new(T.EventName, data =>
        {
            try
            {
                return data.Deserialize(T.TypeInfo);
            }
            catch (JsonException)
            {
                return null; // A value that a later version added: whoever knows it reads Data.
            }
        });
}
