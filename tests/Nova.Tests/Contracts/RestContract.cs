using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>docs/openapi.json, as the judge of every answer that a test gets: one that it does not allow fails the test.</summary>
internal sealed class RestContract
{
    private static readonly EvaluationOptions Explaining = new() { OutputFormat = OutputFormat.List, RequireFormatValidation = true };
    private static readonly Lazy<RestContract> Read = new(() => new RestContract());

    private readonly JsonObject _root = JsonNode.Parse(File.ReadAllText(Path.Combine(Tools.Root, "docs", "openapi.json")))!.AsObject();
    private readonly FrozenDictionary<string, RestOperation> _operations;

    private RestContract()
    {
        _operations = _root["paths"]!.AsObject()
            .SelectMany(path => path.Value!.AsObject().Select(method => OperationOf(path.Key, method.Key, method.Value!.AsObject())))
            .ToFrozenDictionary(operation => operation.Name);
    }

    public static RestContract Instance => Read.Value;

    public IReadOnlyCollection<RestOperation> Operations => _operations.Values;

    /// <param name="path">Of the request, with or without a query.</param>
    /// <param name="media">Of the answer; null where it has none.</param>
    public void Check(HttpMethod method, string path, HttpStatusCode status, string? media, JsonElement body)
    {
        var operation = Find(method, path.Split('?')[0]);
        if (operation is null)
        {
            // What there is not is refused, by its address, its method or its body.
            var isNothing = status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.RequestEntityTooLarge
                || !path.StartsWith("/api/", StringComparison.Ordinal);
            Assert.True(isNothing, $"{method} {path} was answered {(int)status}, and docs/openapi.json does not know the call.");
            return;
        }

        var errors = operation.Errors((int)status, media, body);
        Assert.True(errors.Count == 0, $"docs/openapi.json does not allow the answer {(int)status} to {operation.Name}:\n{string.Join('\n', errors)}\n{body}");
        ContractCoverage.Saw(operation, (int)status, body);
    }

    private RestOperation? Find(HttpMethod method, string path)
    {
        var parts = path.TrimEnd('/').Split('/');
        return _operations.Values
            .Where(operation => operation.Method == method.Method && operation.Parts.Length == parts.Length
                && operation.Parts.Zip(parts).All(pair => pair.First.StartsWith('{') || pair.First == pair.Second))
            .MinBy(operation => operation.Parts.Count(part => part.StartsWith('{')));
    }

    private RestOperation OperationOf(string path, string method, JsonObject operation) => new(
        (string)operation["operationId"]!, method.ToUpperInvariant(), path.Split('/'),
        operation["responses"]!.AsObject().ToFrozenDictionary(
            answer => int.Parse(answer.Key, CultureInfo.InvariantCulture),
            answer => answer.Value!["content"]?.AsObject().ToFrozenDictionary(media => media.Key, media => Resolve(media.Value!["schema"]!)) ?? FrozenDictionary<string, JsonNode>.Empty),
        Resolve(operation["requestBody"]?["content"]?["application/json"]?["schema"]),
        [.. operation["responses"]!.AsObject().SelectMany(answer => answer.Value!["content"]?.AsObject().Select(media => media.Value!["example"]) ?? []).OfType<JsonNode>()],
        operation["requestBody"]?["content"]?["application/json"]?["example"]);

    /// <summary>A copy in which what was referred to stands in its place.</summary>
    private JsonNode Resolve(JsonNode? node) => node switch
    {
        null => new JsonObject(),
        JsonObject reference when reference["$ref"] is { } target => Resolve(((string)target!).Split('/').Skip(1).Aggregate((JsonNode)_root, (at, name) => at[name]!)),
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, member.Value is null ? null : Resolve(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(item => item is null ? null : Resolve(item))]),
        _ => node.DeepClone(),
    };

    internal static IReadOnlyList<string> Errors(JsonSchema schema, JsonElement value)
    {
        var result = schema.Evaluate(value, Explaining);
        return result.IsValid ? [] : [.. result.Details!.SelectMany(detail => detail.Errors?.Select(error => $"{detail.InstanceLocation}: {error.Value}") ?? [])];
    }
}

/// <summary>One call of docs/openapi.json.</summary>
/// <param name="Answers">Schemas by status and media type.</param>
internal sealed record RestOperation(
    string Name, string Method, string[] Parts, FrozenDictionary<int, FrozenDictionary<string, JsonNode>> Answers, JsonNode Body, IReadOnlyList<JsonNode> AnswerExamples,
    JsonNode? BodyExample)
{
    private readonly Dictionary<(int, string), JsonSchema> _schemas = [];

    public IReadOnlyList<string> Errors(int status, string? media, JsonElement body)
    {
        if (!Answers.TryGetValue(status, out var contents))
        {
            return [$"the status is not among {string.Join(", ", Answers.Keys.Order())}"];
        }

        if (media is null || contents.Count == 0)
        {
            return media is null && contents.Count == 0 ? [] : [$"the content is {media ?? "nothing"}, not {string.Join(" or ", contents.Keys.DefaultIfEmpty("nothing"))}"];
        }

        return contents.TryGetValue(media, out _) ? RestContract.Errors(SchemaOf(status, media), body) : [$"the content is {media}, not {string.Join(" or ", contents.Keys)}"];
    }

    public IReadOnlyList<string> BodyErrors(JsonElement body) => RestContract.Errors(JsonSchema.FromText(Body.ToJsonString()), body);

    private JsonSchema SchemaOf(int status, string media)
    {
        lock (_schemas)
        {
            if (!_schemas.TryGetValue((status, media), out var schema))
            {
                _schemas[(status, media)] = schema = JsonSchema.FromText(Answers[status][media].ToJsonString());
            }

            return schema;
        }
    }
}
