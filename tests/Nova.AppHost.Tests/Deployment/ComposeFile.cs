using YamlDotNet.RepresentationModel;

namespace Nova.AppHost.Tests.Deployment;

/// <summary><c>deploy/compose.yaml</c>.</summary>
internal static class ComposeFile
{
    public static readonly string Path = System.IO.Path.Combine(Command.Root, "deploy", "compose.yaml");

    /// <summary>Names of a service's variables, with those that it takes from an anchor.</summary>
    public static IEnumerable<string> Environment(string service)
    {
        var environment = (YamlMappingNode)((YamlMappingNode)((YamlMappingNode)Document.Children["services"]).Children[service]).Children["environment"];
        foreach (var (name, value) in environment.Children)
        {
            if (name.ToString() != "<<")
            {
                yield return name.ToString();
                continue;
            }

            foreach (var merged in ((YamlMappingNode)value).Children.Keys)
            {
                yield return merged.ToString();
            }
        }
    }

    private static YamlMappingNode Document
    {
        get
        {
            var yaml = new YamlStream();
            using var file = File.OpenText(Path);
            yaml.Load(file);
            return (YamlMappingNode)yaml.Documents[0].RootNode;
        }
    }
}
