using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nova.Tests.Contracts;

/// <summary>What the contracts promise and no test of a run ever saw: statuses, members of answers, members of events.</summary>
internal static class ContractCoverage
{
    /// <summary>A fault of Nova's, which no call provokes.</summary>
    private const int Fault = 500;

    private static readonly ConcurrentDictionary<string, bool> Seen = [];

    public static void Saw(RestOperation operation, int status, JsonElement body)
    {
        Seen.TryAdd($"{operation.Name} {status}", true);
        if (status < 300)
        {
            Walk(operation.Name, body);
        }
    }

    public static void Saw(string eventName, JsonElement data)
    {
        foreach (var member in data.EnumerateObject())
        {
            Seen.TryAdd($"{eventName} {member.Name}", true);
        }
    }

    /// <summary>Written beside the tests at the end of a run; whole after a whole run only.</summary>
    public static void Write() => File.WriteAllLines(Path.Combine(AppContext.BaseDirectory, "contract-coverage.txt"), Missing());

    private static IEnumerable<string> Missing()
    {
        var promised = RestContract.Instance.Operations.SelectMany(Promises).Concat(
            AsyncApiDocument.Instance.Sent.SelectMany(name => AsyncApiDocument.Instance.Messages[name].Members.Keys.Select(member => $"{name} {member}")));
        var missing = promised.Distinct().Where(promise => !Seen.ContainsKey(promise)).Order(StringComparer.Ordinal).ToList();
        return missing.Prepend($"Promised by docs/openapi.json and docs/asyncapi.yaml, and seen by no test: {missing.Count.ToString(CultureInfo.InvariantCulture)}");
    }

    private static IEnumerable<string> Promises(RestOperation operation) =>
        operation.Answers.Where(answer => answer.Key != Fault).Select(answer => $"{operation.Name} {answer.Key}")
            .Concat(operation.Answers.Where(answer => answer.Key < 300).SelectMany(answer => answer.Value.Values).SelectMany(schema => Members(operation.Name, schema)));

    private static void Walk(string path, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    Seen.TryAdd($"{path}.{member.Name}", true);
                    Walk($"{path}.{member.Name}", member.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    Walk($"{path}[]", item);
                }

                break;
        }
    }

    private static IEnumerable<string> Members(string path, JsonNode schema)
    {
        var own = schema["properties"]?.AsObject().SelectMany(member => Members($"{path}.{member.Key}", member.Value!).Prepend($"{path}.{member.Key}")) ?? [];
        return schema["items"] is { } items ? own.Concat(Members($"{path}[]", items)) : own;
    }
}
