using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>The contract of the WebSocket, <c>docs/asyncapi.yaml</c>, read once: its messages with their schemas built, and the tables beside them.</summary>
internal sealed class AsyncApiDocument
{
    private static readonly Lazy<AsyncApiDocument> Read = new(() => new AsyncApiDocument(YamlJson.Read(Path.Combine(Tools.Root, "docs", "asyncapi.yaml")).AsObject()));

    private readonly JsonObject _root;

    private AsyncApiDocument(JsonObject root)
    {
        _root = root;
        Messages = root["components"]!["messages"]!.AsObject().ToFrozenDictionary(
            message => message.Key, message => new AsyncApiMessage(message.Key, Resolve(message.Value!).AsObject()), StringComparer.Ordinal);
        Sent = EventsOf("send");
        Received = EventsOf("receive");
    }

    public static AsyncApiDocument Instance => Read.Value;

    /// <summary>By event.</summary>
    public FrozenDictionary<string, AsyncApiMessage> Messages { get; }

    /// <summary>Events that Nova sends, answers included.</summary>
    public FrozenSet<string> Sent { get; }

    /// <summary>Events that Nova takes.</summary>
    public FrozenSet<string> Received { get; }

    /// <summary>The one channel, with its tables.</summary>
    public JsonObject Channel => _root["channels"]!["viewer"]!.AsObject();

    /// <summary>Everything that is wrong with a message; nothing for one that keeps the contract. May be called by many threads at once.</summary>
    public IReadOnlyList<string> Validate(string eventName, JsonElement envelope) =>
        Messages.TryGetValue(eventName, out var message) ? message.Validate(envelope) : [$"{eventName} is no event of the contract."];

    private FrozenSet<string> EventsOf(string action)
    {
        var answered = action == "send" ? "receive" : "send";
        return _root["operations"]!.AsObject().Select(operation => operation.Value!)
            .SelectMany(operation => (string)operation["action"]! == action ? Names(operation) : (string)operation["action"]! == answered ? Names(operation["reply"]) : [])
            .ToFrozenSet(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Names(JsonNode? operation) =>
        operation?["messages"]?.AsArray().Select(message => ((string)message!["$ref"]!).Split('/')[^1]) ?? [];

    /// <summary>A copy in which what was referred to stands in its place, so that each schema is whole.</summary>
    private JsonNode Resolve(JsonNode node) => node switch
    {
        JsonObject reference when reference["$ref"] is { } target => Resolve(Find((string)target!)),
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, member.Value is null ? null : Resolve(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(item => item is null ? null : Resolve(item))]),
        _ => node.DeepClone(),
    };

    private JsonNode Find(string pointer) => pointer.Split('/').Skip(1).Aggregate((JsonNode)_root, (node, name) => node[name]!);
}

/// <summary>One message of the contract.</summary>
internal sealed class AsyncApiMessage
{
    private static readonly EvaluationOptions Quick = new() { OutputFormat = OutputFormat.Flag, RequireFormatValidation = true };
    private static readonly EvaluationOptions Explaining = new() { OutputFormat = OutputFormat.List, RequireFormatValidation = true };

    private readonly string _event;
    private readonly JsonSchema _schema;

    public AsyncApiMessage(string eventName, JsonObject message)
    {
        _event = eventName;
        Payload = message["payload"]!.AsObject();
        Examples = [.. message["examples"]!.AsArray().Select(example => example!["payload"]!)];
        _schema = JsonSchema.FromText(Payload.ToJsonString(), new BuildOptions { Dialect = Dialect.Draft07 }); // AsyncAPI's own.
    }

    /// <summary>The schema of the envelope.</summary>
    public JsonObject Payload { get; }

    /// <summary>The schema of its data.</summary>
    public JsonObject Data => Payload["properties"]!["data"]!.AsObject();

    public IReadOnlyList<JsonNode> Examples { get; }

    /// <summary>Members of <c>data</c>, with their schemas.</summary>
    public IReadOnlyDictionary<string, JsonObject> Members => Data["properties"]!.AsObject().ToDictionary(member => member.Key, member => member.Value!.AsObject());

    public IReadOnlyCollection<string> Required => [.. Data["required"]?.AsArray().Select(name => (string)name!) ?? []];

    public IReadOnlyList<string> Validate(JsonElement envelope)
    {
        if (_schema.Evaluate(envelope, Quick).IsValid)
        {
            return [];
        }

        return [.. _schema.Evaluate(envelope, Explaining).Details!
            .SelectMany(detail => detail.Errors?.Select(error => $"{_event}{detail.InstanceLocation}: {error.Value}") ?? [])];
    }
}
