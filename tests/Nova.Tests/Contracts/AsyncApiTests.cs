using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.Tests.Contracts;

/// <summary>The contract says what the code says: every event, member, type, value, limit and example, and none more.</summary>
public sealed class AsyncApiTests(ITestOutputHelper output)
{
    private static readonly AsyncApiDocument Document = AsyncApiDocument.Instance;

    private static readonly Dictionary<string, JsonTypeInfo> ServerMessages = typeof(EventNames).Assembly.GetTypes()
        .Where(type => type.GetInterfaces().Any(of => of.IsGenericType && of.GetGenericTypeDefinition() == typeof(IServerMessage<>)))
        .Where(type => type != typeof(ViewerKick) && type != typeof(StreamDeleted)) // Between services only.
        .ToDictionary(Static<string>("EventName"), Static<JsonTypeInfo>("TypeInfo"));

    public static TheoryData<string> Sent => [.. ServerMessages.Keys];

    public static TheoryData<string> All => [.. Document.Messages.Keys];

    [Fact]
    public void Events_AreThoseOfTheProtocol()
    {
        var names = typeof(EventNames).GetFields().Select(field => (string)field.GetRawConstantValue()!).Except([EventNames.ViewerKicked, EventNames.StreamDeleted]).ToList();
        Assert.Equivalent(names, Document.Messages.Keys, strict: true);
        Assert.Equivalent(ServerMessages.Keys, Document.Sent, strict: true);
        Assert.Equivalent(names.Except(ServerMessages.Keys), Document.Received, strict: true);
        Assert.Equivalent(names, Document.Channel["messages"]!.AsObject().Select(message => message.Key), strict: true);
    }

    [Theory]
    [MemberData(nameof(Sent))]
    public void ServerMessage_HasTheMembersOfItsRecord(string eventName)
    {
        var message = Document.Messages[eventName];
        var properties = ServerMessages[eventName].Properties;
        Assert.Equivalent(properties.Select(property => property.Name), message.Members.Keys, strict: true);
        Assert.Equivalent(properties.Where(property => !IsOptional(property)).Select(property => property.Name), message.Required, strict: true);
        Assert.All(properties, property => AssertTypeOf(property, message.Members[property.Name]));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Data_TakesMembersThatAreAddedLater(string eventName)
    {
        var message = Document.Messages[eventName];
        Assert.True((bool)message.Data["additionalProperties"]!);
        Assert.Equal(eventName, (string)message.Payload["properties"]!["event"]!["const"]!);
        foreach (var example in message.Examples.Where(example => example["data"] is not null))
        {
            example["data"]!["added_later"] = 1;
            Assert.Empty(Validate(eventName, example));
            example["data"]!.AsObject().Remove("added_later");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Examples_KeepTheContract(string eventName)
    {
        var message = Document.Messages[eventName];
        Assert.NotEmpty(message.Examples);
        Assert.All(message.Examples, example => Assert.Empty(Validate(eventName, example)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Validate_WithoutARequiredMember_SaysSo(string eventName)
    {
        var message = Document.Messages[eventName];
        foreach (var name in message.Required)
        {
            var broken = message.Examples[0].DeepClone();
            broken["data"]!.AsObject().Remove(name);
            Assert.Contains(Validate(eventName, broken), error => error.Contains($"\"{name}\"", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("""{"event":"ping","data":{"sequence":0,"timestamp":"2025-10-21T10:30:45.123Z"}}""")]
    [InlineData("""{"event":"ping","data":{"sequence":"1","timestamp":"2025-10-21T10:30:45.123Z"}}""")]
    [InlineData("""{"event":"ping","data":{"sequence":1,"timestamp":"2025-10-21T10:30:45Z"}}""")]
    [InlineData("""{"event":"pong","data":{"sequence":1,"timestamp":"2025-10-21T10:30:45.123Z"}}""")]
    [InlineData("""{"event":"ping"}""")]
    [InlineData("""[]""")]
    public void Validate_OfAPingThatIsNone_FindsErrors(string text) => Assert.NotEmpty(Document.Validate("ping", JsonElement.Parse(text)));

    [Fact]
    public void Validate_OfAnUnknownEvent_FindsAnError() => Assert.Single(Document.Validate("viewer_removed", JsonElement.Parse("{}")));

    /// <summary>A run of all tests records some 100,000 frames: each may take 100 µs or so.</summary>
    [Fact]
    public void Validate_OfManyFramesByManyThreads_FindsNoError()
    {
        const int Frames = 10_000;
        (string Event, JsonElement Envelope)[] examples = [.. Document.Messages.SelectMany(
            message => message.Value.Examples.Select(example => (message.Key, JsonElement.Parse(example.ToJsonString()))))];
        var started = Stopwatch.GetTimestamp();
        var wrong = 0;
        Parallel.For(0, Frames, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
        {
            var (name, envelope) = examples[i % examples.Length];
            Interlocked.Add(ref wrong, Document.Validate(name, envelope).Count);
        });
        output.WriteLine($"{Frames:N0} frames in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Limits_AreThoseOfTheProtocol() => Assert.Equal(
        typeof(Limits).GetFields().ToDictionary(
            field => JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name) + (field.FieldType == typeof(TimeSpan) ? "_seconds" : ""),
            field => field.GetValue(null) is TimeSpan time ? time.TotalSeconds.ToString() : field.GetValue(null)!.ToString()!),
        Document.Channel["x-nova-limits"]!.AsObject().ToDictionary(limit => limit.Key, limit => limit.Value!.ToString()));

    internal static IReadOnlyList<string> Validate(string eventName, JsonNode envelope) =>
        Document.Validate(eventName, JsonElement.Parse(envelope.ToJsonString()));

    /// <summary>Nova leaves out what is null; nothing that it sends is ever null.</summary>
    private static bool IsOptional(JsonPropertyInfo property) => property.IsGetNullable;

    private static void AssertTypeOf(JsonPropertyInfo property, JsonObject schema)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var (name, format) = type.IsEnum ? ("string", null)
            : type == typeof(Guid) ? ("string", "uuid")
            : type == typeof(DateTimeOffset) ? ("string", "date-time")
            : type == typeof(string) ? ("string", null)
            : type == typeof(bool) ? ("boolean", null)
            : type == typeof(int) ? ("integer", "int32")
            : type == typeof(long) ? ("integer", "int64")
            : ("object", (string?)null);
        Assert.Equal((property.Name, name, format), (property.Name, (string?)schema["type"], (string?)schema["format"]));
        Assert.NotNull(schema["description"]);
        if (type.IsEnum)
        {
            Assert.Equal(NamesOf(type), schema["enum"]!.AsArray().Select(value => (string)value!));
        }
    }

    private static IEnumerable<string> NamesOf(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name);

    private static Func<Type, T> Static<T>(string property) => type => (T)type.GetProperty(property)!.GetValue(null)!;
}
