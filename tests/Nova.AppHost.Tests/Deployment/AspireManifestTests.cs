using System.Text.Json;
using System.Text.RegularExpressions;

namespace Nova.AppHost.Tests.Deployment;

/// <summary>The manifest of a plain AppHost, written as azd and other tools write it: by the AppHost's own program.</summary>
public sealed partial class AspireManifestTests
{
    private static readonly string[] Services = ["gateway", "stream-state", "telemetry"];

    [Fact]
    public async Task Manifest_HasServicesAndServers_AndNothingOfADevelopersMachine()
    {
        var resources = await ResourcesAsync();
        Assert.Equal(
            ["gateway", "internal-api-key", "jwt-signing-key", "postgres", "postgres-password", "redis", "redis-password", "stream-state", "streams", "telemetry", "telemetry-db"],
            resources.EnumerateObject().Select(resource => resource.Name).Where(name => !PartOfAConnectionString().IsMatch(name)).Order());
    }

    [Fact]
    public async Task Manifest_OpensTheGatewayOnly()
    {
        var resources = await ResourcesAsync();
        foreach (var service in Services)
        {
            var bindings = resources.GetProperty(service).GetProperty("bindings");
            Assert.Contains(bindings.EnumerateObject(), binding => binding.Name == "http");
            Assert.All(
                bindings.EnumerateObject(),
                binding => Assert.Equal(service == "gateway", binding.Value.TryGetProperty("external", out var external) && external.GetBoolean()));
        }
    }

    /// <summary>Secrets are named, and whoever deploys makes them: no value in the file looks like one, and what carries one is a reference.</summary>
    [Fact]
    public async Task Manifest_HoldsNoSecret()
    {
        var resources = await ResourcesAsync();
        foreach (var service in Services)
        {
            var environment = resources.GetProperty(service).GetProperty("env").EnumerateObject().ToList();
            Assert.All(
                environment.Where(variable => variable.Name.StartsWith("ConnectionStrings", StringComparison.Ordinal) || SecretName().IsMatch(variable.Name)),
                variable => Assert.Matches(@"^\{[\w.-]+\}$", variable.Value.GetString()));
        }

        Assert.All(Strings(resources), text => Assert.DoesNotMatch("[A-Za-z0-9+/]{32,}", text));
        Assert.All(
            resources.EnumerateObject().Where(resource => Type(resource.Value) == "parameter.v0"),
            parameter => Assert.True(parameter.Value.GetProperty("inputs").GetProperty("value").GetProperty("secret").GetBoolean()));
    }

    /// <summary>azd asks this of the project that azure.yaml names, before anything is restored; then it runs it, and passes no property.</summary>
    [Fact]
    public async Task AzureYaml_NamesAnAppHost_WhoseTargetIsAzure()
    {
        var project = File.ReadAllLines(Path.Combine(Command.Root, "azure.yaml")).Select(line => line.Trim()).Single(line => line.StartsWith("project: ", StringComparison.Ordinal))["project: ".Length..];
        var asked = (await Command.RunAsync(Command.Root, "dotnet", "msbuild", project, "--getProperty:IsAspireHost", "--getProperty:PublishTarget", "--getItem:PackageReference")).Succeeds();
        var answer = JsonSerializer.Deserialize<JsonElement>(asked);
        Assert.Equal(("true", "azure"), (answer.GetProperty("Properties").GetProperty("IsAspireHost").GetString(), answer.GetProperty("Properties").GetProperty("PublishTarget").GetString()));
        Assert.Contains("Aspire.Hosting.Azure.AppContainers", answer.GetProperty("Items").GetProperty("PackageReference").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()));
    }

    private static async Task<JsonElement> ResourcesAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nova-manifest-");
        try
        {
            var file = Path.Combine(folder.FullName, "manifest.json");
            (await Command.RunAsync(
                Path.GetDirectoryName(Command.AppHost)!,
                new Dictionary<string, string> { ["DOTNET_ENVIRONMENT"] = "Development" }, // As azd does.
                "dotnet",
                Command.AppHost, "--publisher", "manifest", "--output-path", file)).Succeeds();
            return JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).GetProperty("resources");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Type(JsonElement resource) => resource.GetProperty("type").GetString()!;

    private static IEnumerable<string> Strings(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Strings),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => Strings(property.Value)),
        _ => [],
    };

    /// <summary>Aspire adds a resource for a part that has a condition or is encoded.</summary>
    [GeneratedRegex("^cond-|-uri-encoded$")]
    private static partial Regex PartOfAConnectionString();

    [GeneratedRegex("(Key|Password|Secret|Value)$")]
    private static partial Regex SecretName();
}
