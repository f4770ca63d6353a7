using System.Globalization;
using System.Net.Mime;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nova.Protocol;
using Nova.StreamState.Streams;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts.OpenApi;

/// <summary>
/// Makes docs/openapi.json of what the services map (<see cref="ApiEndpoints"/>), the types that they write and read (<see cref="OpenApiSchemas"/>) and the
/// descriptions and examples of texts.json.
/// </summary>
internal sealed class OpenApiDocument
{
    private const string ProblemMedia = "application/problem+json";

    private readonly OpenApiSchemas _schemas = new();
    private readonly JsonObject _texts = JsonNode.Parse(File.ReadAllText(Path.Combine(Tools.Root, "tests", "Nova.Tests", "Contracts", "OpenApi", "texts.json")))!.AsObject();

    public static async Task<string> MakeAsync()
    {
        var document = new OpenApiDocument().Make(await ApiEndpoints.ReadAsync());
        return document.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    private JsonObject Make(IReadOnlyList<ApiEndpoint> endpoints)
    {
        var paths = new JsonObject();
        foreach (var (path, method, operation) in endpoints.Select(Operation).Concat(OfTheGateway()))
        {
            paths.TryAdd(path, new JsonObject());
            paths[path]![method] = operation;
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Nova",
                ["version"] = "1.0",
                ["description"] = "What broadcasters' tools, operators and platforms call. Viewers use the WebSocket, which /asyncapi.yaml describes. "
                    + "Members may be added to answers at any time; none changes its meaning or goes away within version 1.",
                ["license"] = new JsonObject { ["name"] = "MIT", ["identifier"] = "MIT" },
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["tags"] = Tags(),
            ["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = AllSchemas(),
                ["securitySchemes"] = new JsonObject
                {
                    ["bearer"] = new JsonObject
                    {
                        ["type"] = "http",
                        ["scheme"] = "bearer",
                        ["bearerFormat"] = "JWT",
                        ["description"] = "Claims: `sub`, `exp`, `iss`, `aud`; `role` viewer (default), broadcaster (streams whose `broadcaster_id` is its `sub`) or operator; "
                            + "`streams`, ids or \"*\".",
                    },
                },
            },
        };
    }

    private (string Path, string Method, JsonObject Operation) Operation(ApiEndpoint endpoint)
    {
        var operation = Described(endpoint.Name, endpoint.Summary, endpoint.Tag);
        var parameters = Parameters(endpoint);
        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (endpoint.Body is { } body)
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = !endpoint.IsBodyOptional,
                ["content"] = Content(MediaTypeNames.Application.Json, _schemas.ReferenceTo(body), _texts[endpoint.Name]?["body"]),
            };
        }

        operation["responses"] = Answers(endpoint);
        return (endpoint.Path, endpoint.Method.ToLowerInvariant(), operation);
    }

    private static JsonArray Parameters(ApiEndpoint endpoint)
    {
        var parameters = new JsonArray();
        foreach (var part in endpoint.Path.Split('/').Where(part => part.StartsWith('{')))
        {
            parameters.Add(OpenApiParameters.Path(part.Trim('{', '}')));
        }

        foreach (var name in endpoint.Query)
        {
            parameters.Add(OpenApiParameters.Query(endpoint.Name, name));
        }

        if (endpoint.Answers.Contains(StatusCodes.Status412PreconditionFailed))
        {
            parameters.Add(OpenApiParameters.IfMatch.DeepClone());
        }

        if (endpoint.Answers.Contains(StatusCodes.Status422UnprocessableEntity))
        {
            parameters.Add(OpenApiParameters.IdempotencyKey.DeepClone());
        }

        if (endpoint.Name == "StreamIssues")
        {
            parameters.Add(OpenApiParameters.LastEventId.DeepClone());
        }

        return parameters;
    }

    private JsonObject Answers(ApiEndpoint endpoint)
    {
        var answers = new JsonObject();
        var statuses = endpoint.Answers.Select(answer => answer.Key).Concat(EveryCallsStatuses(endpoint)).Distinct().Order();
        foreach (var status in statuses)
        {
            answers[status.ToString(CultureInfo.InvariantCulture)] = status < 400 ? Success(endpoint, status) : Problem(status);
        }

        return answers;
    }

    /// <summary>What any call can get, whoever answers it.</summary>
    private static IEnumerable<int> EveryCallsStatuses(ApiEndpoint endpoint) =>
    [
        .. endpoint.IsAuthorized ? [401] : Array.Empty<int>(),
        .. endpoint.Body is null ? Array.Empty<int>() : [400, 413, 415],
        429, 500, 503,
    ];

    private JsonObject Success(ApiEndpoint endpoint, int status)
    {
        var answer = new JsonObject { ["description"] = status switch { 201 => "Created.", 202 => "Accepted.", 204 => "Done; there is no body.", _ => "The answer." } };
        var content = new JsonObject();
        foreach (var (type, media) in endpoint.Answers[status].Where(answer => answer.Type is not null && answer.Type != typeof(void)))
        {
            content[media!] = type == typeof(string)
                ? new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } }
                : Content(media!, _schemas.ReferenceTo(type!), _texts[endpoint.Name]?["answer"])[media!]!.DeepClone();
        }

        if (content.Count > 0)
        {
            answer["content"] = content;
        }

        var isAboutAStream = endpoint.Tag == "Streams" && endpoint.Path.Contains("{stream_id}", StringComparison.Ordinal);
        if (isAboutAStream || status == 201)
        {
            answer["headers"] = new JsonObject { ["ETag"] = OpenApiParameters.ETag.DeepClone() };
            if (status == 201)
            {
                answer["headers"]!["Location"] = OpenApiParameters.Location.DeepClone();
            }
        }

        return answer;
    }

    private static JsonObject Problem(int status)
    {
        var answer = new JsonObject
        {
            ["description"] = DescriptionOf(status),
            ["content"] = Content(ProblemMedia, new JsonObject { ["$ref"] = "#/components/schemas/Problem" }, null),
        };
        if (status is 429 or 503)
        {
            answer["headers"] = new JsonObject { ["Retry-After"] = OpenApiParameters.RetryAfter.DeepClone() };
        }

        return answer;
    }

    private static string DescriptionOf(int status) => status switch
    {
        400 => "A field, a parameter or a header cannot be used; `errors` names each.",
        401 => "The token is missing, expired or not valid; `reason` says which.",
        403 => "The token does not allow this.",
        404 => "There is no such stream, or the id is no UUID.",
        409 => "The stream is not in a state that allows this; `stream_status` says where it stands. Or the `stream_id` is taken.",
        412 => "No tag of `If-Match` is the stream's version.",
        413 => "The body is larger than `Gateway:MaxRequestBodyBytes` (64 KiB).",
        415 => "The body is not application/json.",
        422 => "The `Idempotency-Key` came with another request before.",
        426 => "An upgrade would succeed.",
        429 => "Too many calls from this address.",
        500 => "A fault of Nova's; it is logged with the `trace_id`.",
        503 => "A service, a database or the tokens' issuer is unavailable; the same call may be sent again.",
        _ => throw new InvalidOperationException($"The status {status} is not described; add it to {nameof(OpenApiDocument)}."),
    };

    /// <summary>What the gateway answers beside REST: why a socket is refused, and whether it is ready.</summary>
    private IEnumerable<(string Path, string Method, JsonObject Operation)> OfTheGateway()
    {
        var check = Described("CheckViewer", "Why a socket is refused", "Viewers");
        check["parameters"] = new JsonArray(
            OpenApiParameters.Path("stream_id"), OpenApiParameters.Query("CheckViewer", "token"), OpenApiParameters.Query("CheckViewer", "protocol"));
        check["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() }, new JsonObject()); // The header or the parameter; different ones are 400.
        check["responses"] = new JsonObject(new[] { 400, 401, 403, 404, 426, 429, 503 }
            .Select(status => KeyValuePair.Create(status.ToString(CultureInfo.InvariantCulture), (JsonNode?)Problem(status))));
        yield return ("/api/v1/streams/{stream_id}/ws", "get", check);
        yield return ("/health", "get", Health("Health", "Whether the gateway is ready", isReadiness: true));
        yield return ("/alive", "get", Health("Alive", "Whether the gateway runs", isReadiness: false));
    }

    private JsonObject Health(string name, string summary, bool isReadiness)
    {
        var operation = Described(name, summary, "Health");
        operation["security"] = new JsonArray();
        JsonObject Word(string description, params string[] words) => new()
        {
            ["description"] = description,
            ["content"] = Content(MediaTypeNames.Text.Plain, new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. words.Select(word => (JsonNode?)word)]) }, null),
        };
        operation["responses"] = new JsonObject { ["200"] = isReadiness ? Word("Ready. Degraded: something is amiss that does not keep viewers out.", "Healthy", "Degraded") : Word("It runs.", "Healthy") };
        if (isReadiness)
        {
            operation["responses"]!["503"] = Word("Not ready: it drains, or a dependency is down.", "Unhealthy");
        }

        return operation;
    }

    private JsonObject Described(string name, string summary, string tag) => new()
    {
        ["operationId"] = name,
        ["summary"] = summary,
        ["description"] = _texts[name]?["description"]?.DeepClone() ?? throw new InvalidOperationException($"{name} is not described; add it to texts.json."),
        ["tags"] = new JsonArray(tag),
    };

    private static JsonObject Content(string media, JsonObject schema, JsonNode? example)
    {
        var content = new JsonObject { ["schema"] = schema };
        if (example is not null)
        {
            content["example"] = example.DeepClone();
        }

        return new JsonObject { [media] = content };
    }

    private static JsonArray Tags() =>
    [
        new JsonObject { ["name"] = "Streams", ["description"] = "Broadcasts and what happens to them." },
        new JsonObject { ["name"] = "Viewers", ["description"] = "Who watches." },
        new JsonObject { ["name"] = "Issues", ["description"] = "What viewers reported." },
        new JsonObject { ["name"] = "Quality", ["description"] = "What viewers suffer, next to what caused it." },
        new JsonObject { ["name"] = "Health", ["description"] = "For load balancers and orchestrators." },
    ];

    private JsonObject AllSchemas()
    {
        var schemas = _schemas.Components();
        schemas["Problem"] = ProblemSchema();
        return schemas;
    }

    private static JsonObject ProblemSchema() => JsonNode.Parse($$"""
        {
          "type": "object",
          "description": "A problem, RFC 9457. Programs read error_code; detail is for people.",
          "required": ["type", "title", "status", "detail", "error_code", "trace_id"],
          "properties": {
            "type": { "type": "string", "description": "Address of the status' definition." },
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": { "type": "string", "description": "What is wrong, for people." },
            "error_code": { "type": "string", "enum": [{{string.Join(", ", Codes().Select(code => $"\"{code}\""))}}] },
            "trace_id": { "type": "string", "description": "Names the request in Nova's logs and traces." },
            "errors": {
              "type": "object",
              "description": "With INVALID_REQUEST: what is wrong with each field, parameter or header.",
              "additionalProperties": { "type": "array", "items": { "type": "string" } }
            },
            "reason": { "type": "string", "description": "For programs, where error_code is not enough: token_missing, token_expired, draining, at_capacity …" },
            "stream_status": { "$ref": "#/components/schemas/StreamStatus" },
            "version": { "type": "integer", "description": "With INVALID_TRANSITION and VERSION_MISMATCH: the stream's version." }
          }
        }
        """)!.AsObject();

    private static IEnumerable<string> Codes() => typeof(ErrorCodes).GetFields().Select(code => (string)code.GetRawConstantValue()!)
        .Except([ErrorCodes.StreamEnded, ErrorCodes.RtmpConnectionLost, ErrorCodes.RtmpConnectionRestored, ErrorCodes.RtmpHandshakeFailed, ErrorCodes.BufferOverflow, ErrorCodes.MessagesDropped]);
}
