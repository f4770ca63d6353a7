using System.Text.Json;
using Json.Schema;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts.OpenApi;

public sealed class OpenApiTests
{
    private static readonly string Document = Path.Combine(Tools.Root, "docs", "openapi.json");

    public static TheoryData<string> Operations => [.. RestContract.Instance.Operations.Select(operation => operation.Name)];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Examples_KeepTheContract(string name)
    {
        var operation = RestContract.Instance.Operations.Single(operation => operation.Name == name);
        if (operation.BodyExample is { } body)
        {
            Assert.Empty(operation.BodyErrors(JsonElement.Parse(body.ToJsonString())));
        }

        foreach (var example in operation.AnswerExamples)
        {
            var schema = operation.Answers.First(answer => answer.Key < 300).Value.Values.First(schema => schema["properties"] is not null);
            Assert.Empty(RestContract.Errors(JsonSchema.FromText(schema.ToJsonString()), JsonElement.Parse(example.ToJsonString())));
        }
    }

    [Fact]
    public async Task Document_IsWhatTheServicesDo()
    {
        var made = await OpenApiDocument.MakeAsync();
        if (Environment.GetEnvironmentVariable("NOVA_UPDATE_DOCS") == "true")
        {
            await File.WriteAllTextAsync(Document, made, TestContext.Current.CancellationToken);
        }

        Assert.True(
            made == await File.ReadAllTextAsync(Document, TestContext.Current.CancellationToken),
            "docs/openapi.json is stale. Make it anew: NOVA_UPDATE_DOCS=true dotnet test tests/Nova.Tests --filter OpenApiTests");
    }
}
