using System.IO.Compression;
using System.Text.Json;
using System.Xml.Linq;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary>What <c>dotnet pack</c> makes of this build: readme, licence, documentation, symbols, and one version for all.</summary>
public sealed class PackageTests
{
    private static readonly string Version = XDocument.Load(Path.Combine(Tools.Root, "Directory.Build.props")).Descendants("VersionPrefix").Single().Value;

    [Theory]
    [InlineData("Nova.Protocol", "Nova.Protocol", "lib/net10.0/Nova.Protocol.dll")]
    [InlineData("clients/dotnet/Nova.Client", "Nova.Client", "lib/net10.0/Nova.Client.dll", "lib/net10.0/Nova.Client.xml")]
    [InlineData("clients/cli/Nova.Cli", "Nova.Cli", "tools/net10.0/any/nova.dll", "tools/net10.0/any/DotnetToolSettings.xml")]
    public async Task Package_IsComplete(string project, string name, params string[] files)
    {
        var folder = Tools.TemporaryFolder("nova-pack-");
        try
        {
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            using var pack = Tools.Start("dotnet", ["pack", project, "--no-build", "-c", configuration, "-o", folder.FullName]);
            var output = await pack.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await pack.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(pack.ExitCode == 0, output);
            await using var package = await ZipFile.OpenReadAsync(Path.Combine(folder.FullName, $"{name}.{Version}.nupkg"), TestContext.Current.CancellationToken);
            Assert.All(files.Append("README.md"), file => Assert.NotNull(package.GetEntry(file)));
            var specification = XDocument.Load(await package.GetEntry($"{name}.nuspec")!.OpenAsync(TestContext.Current.CancellationToken));
            Assert.Equal("MIT", specification.Descendants().Single(element => element.Name.LocalName == "license").Value);
            Assert.NotEmpty(specification.Descendants().Single(element => element.Name.LocalName == "description").Value);
            Assert.True(File.Exists(Path.Combine(folder.FullName, $"{name}.{Version}.snupkg")));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void JavaScriptPackage_HasTheSameVersion() =>
        Assert.Equal(Version, JsonElement.Parse(File.ReadAllText(Path.Combine(Tools.Root, "clients", "js", "package.json"))).GetProperty("version").GetString());
}
