using Nova.Tests.Support;

namespace Nova.Tests.Contracts.OpenApi;

public sealed class OpenApiTests
{
    private static readonly string Document = Path.Combine(Tools.Root, "docs", "openapi.json");

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
