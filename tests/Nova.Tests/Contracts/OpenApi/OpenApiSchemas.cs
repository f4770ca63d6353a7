using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Nova.Gateway.ViewerList;
using Nova.StreamState.Streams;
using Nova.Telemetry;

namespace Nova.Tests.Contracts.OpenApi;

/// <summary>The JSON schemas of bodies and answers, from the types that are written and read, their validation attributes and their comments.</summary>
internal sealed partial class OpenApiSchemas
{
    /// <summary>A text that must be there is more than spaces.</summary>
    private const string NotBlank = @"\S";

    private static readonly JsonSerializerContext[] Contexts = [StreamStateJson.Default, TelemetryJson.Default, ViewerListJson.Default];

    private readonly SortedDictionary<string, JsonNode> _components = new(StringComparer.Ordinal);

    public JsonObject Components() => new(_components.Select(schema => KeyValuePair.Create(schema.Key, (JsonNode?)schema.Value.DeepClone())));

    /// <summary>A reference to the type's schema, which is made where it is the first.</summary>
    public JsonObject ReferenceTo(Type type)
    {
        var name = NameOf(type);
        if (!_components.ContainsKey(name))
        {
            _components[name] = new JsonObject(); // Types that hold each other end here.
            _components[name] = type.IsEnum ? EnumSchema(type) : ObjectSchema(type);
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    private JsonNode ObjectSchema(Type type)
    {
        var options = Contexts.First(context => context.GetTypeInfo(type) is not null).Options;
        var schema = options.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, node) => Transform(type, context, node),
        }).AsObject();
        schema["type"] = "object"; // The root is never null.
        if (IsBody(type))
        {
            FinishBody(type, schema);
        }
        else
        {
            FinishAnswer(type, schema);
        }

        return Described(schema, NovaSources.Summary(type.Name));
    }

    private JsonNode Transform(Type root, JsonSchemaExporterContext context, JsonNode node)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        var isNullable = Nullable.GetUnderlyingType(context.TypeInfo.Type) is not null || context.PropertyInfo?.IsGetNullable == true;
        var schema = context.Path.Length == 0 ? node
            : type.IsEnum || (type.Namespace?.StartsWith("Nova", StringComparison.Ordinal) == true && !type.IsGenericType) ? Nullable_(ReferenceTo(type), isNullable)
            : type == typeof(DateTimeOffset) ? Typed("string", isNullable, "date-time")
            : type == typeof(JsonElement) ? Typed("object", isNullable)
            : type == typeof(long) ? Typed("integer", isNullable, "int64")
            : type == typeof(int) ? Typed("integer", isNullable, "int32")
            : node;
        if (context.PropertyInfo is { } property && context.Path is ["properties", _])
        {
            schema = Limited(property.AttributeProvider as MemberInfo, schema);
            schema = Described(schema, NovaSources.Parameter(root.Name, (property.AttributeProvider as MemberInfo)?.Name ?? ""));
        }

        return schema;
    }

    /// <summary>Bodies that a caller sends: what is required is marked so, and null is not written.</summary>
    private static void FinishBody(Type type, JsonObject schema)
    {
        var required = type.GetProperties().Where(property => property.IsDefined(typeof(RequiredAttribute)))
            .Select(property => (JsonNode?)JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)).ToArray();
        schema.Remove("required");
        if (required.Length > 0)
        {
            schema["required"] = new JsonArray(required);
        }

        if (type == typeof(UpdateStreamRequest))
        {
            schema["minProperties"] = 1;
        }

        foreach (var (name, property) in schema["properties"]!.AsObject().ToList())
        {
            schema["properties"]![name] = WithoutNull(property!.AsObject());
        }
    }

    /// <summary>A member that is left out where it is null.</summary>
    private static void FinishAnswer(Type type, JsonObject schema)
    {
        foreach (var property in type.GetProperties().Where(property => property.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.WhenWritingNull))
        {
            var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
            schema["required"]!.AsArray().RemoveAll(required => required!.GetValue<string>() == name);
            schema["properties"]![name] = WithoutNull(schema["properties"]![name]!.AsObject());
        }
    }

    private static JsonObject WithoutNull(JsonObject schema)
    {
        if (schema["anyOf"] is JsonArray either)
        {
            var reference = new JsonObject { ["$ref"] = either[0]!["$ref"]!.DeepClone() };
            return schema["description"] is { } text ? Described(reference, text.GetValue<string>()).AsObject() : reference;
        }

        var copy = schema.DeepClone().AsObject();
        if (copy["type"] is JsonArray types)
        {
            copy["type"] = types.Select(type => type!.GetValue<string>()).First(type => type != "null");
        }

        return copy;
    }

    private static JsonNode Limited(MemberInfo? member, JsonNode schema)
    {
        var target = schema as JsonObject;
        foreach (var attribute in target is null ? [] : member?.GetCustomAttributes() ?? [])
        {
            switch (attribute)
            {
                case RequiredAttribute when ((PropertyInfo)member!).PropertyType == typeof(string):
                    (target!["minLength"], target["pattern"]) = (1, NotBlank);
                    break;
                case MinLengthAttribute least:
                    (target!["minLength"], target["pattern"]) = (least.Length, NotBlank);
                    break;
                case MaxLengthAttribute most:
                    target!["maxLength"] = most.Length;
                    break;
                case RangeAttribute range:
                    (target!["minimum"], target["maximum"]) = ((int)range.Minimum, (int)range.Maximum);
                    break;
                case RegularExpressionAttribute pattern:
                    target!["pattern"] = pattern.Pattern.Replace(@"\z", "$", StringComparison.Ordinal);
                    break;
                case DataTypeAttribute { CustomDataType: { } format }:
                    target!["format"] = format;
                    break;
            }
        }

        return schema;
    }

    private static JsonObject EnumSchema(Type type) => Described(
        new JsonObject
        {
            ["type"] = "string",
            ["enum"] = new JsonArray([.. type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (JsonNode?)field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name)]),
        },
        NovaSources.Summary(type.Name)).AsObject();

    private static JsonObject Typed(string type, bool isNullable, string? format = null)
    {
        var schema = new JsonObject { ["type"] = isNullable ? new JsonArray(type, "null") : type };
        if (format is not null)
        {
            schema["format"] = format;
        }

        return schema;
    }

    private static JsonObject Nullable_(JsonObject reference, bool isNullable) =>
        isNullable ? new JsonObject { ["anyOf"] = new JsonArray(reference, new JsonObject { ["type"] = "null" }) } : reference;

    private static JsonNode Described(JsonNode schema, string? text)
    {
        if (text is not null && schema is JsonObject target)
        {
            target["description"] = RuleNumber().Replace(text, "");
        }

        return schema;
    }

    private static bool IsBody(Type type) => type.Name.EndsWith("Request", StringComparison.Ordinal);

    /// <summary>What integrators call it: StreamResource is Stream.</summary>
    private static string NameOf(Type type) => type.Name.Replace("Resource", "", StringComparison.Ordinal).Replace("Answer", "", StringComparison.Ordinal);

    /// <summary>References to our own list of rules mean nothing outside.</summary>
    [GeneratedRegex(@" \((?:PROTOCOL\.md [\d.]+|[SRF]\d+(?:, [SRF]\d+)*)\)")]
    private static partial Regex RuleNumber();
}
