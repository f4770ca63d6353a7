namespace Nova.Tests.Contracts;

/// <summary>docs/configuration.md has every key that the code reads, with the default and the meaning that the code gives it.</summary>
public sealed class ConfigurationPageTests
{
    private const string Rewrite = "NOVA_UPDATE_DOCS=true dotnet test tests/Nova.Tests --filter ConfigurationPageTests";

    /// <summary>Reads that name no key of their own, and why.</summary>
    private static readonly Dictionary<string, string> ReadsWithoutName = new()
    {
        ["Nova.ServiceDefaults/Configuration/ValidatedOptions.cs: property.Name"] = "the properties of options classes, each of which has a row",
        ["Nova.ServiceDefaults/Postgres/SchemaMigration.cs: connectionName"] = "the name that AddPostgres was given",
        ["Nova.Standalone/NovaStack.cs: name"] = "streams, telemetry and redis, as the services read them",
    };

    private static string Page => File.ReadAllText(ConfigurationPage.File);

    [Fact]
    public void Tables_AreAsTheOptionsClassesAre()
    {
        var refreshed = ConfigurationPage.Refresh(Page);
        if (Environment.GetEnvironmentVariable("NOVA_UPDATE_DOCS") == "true")
        {
            File.WriteAllText(ConfigurationPage.File, refreshed);
        }

        var stale = refreshed.Split('\n').Except(Page.Split('\n')).ToList();
        Assert.True(Page == refreshed, $"docs/configuration.md is stale. `{Rewrite}` rewrites it. Missing lines:\n{string.Join('\n', stale)}");
    }

    [Fact]
    public void EveryOptionsClass_HasATable() => Assert.Equal(OptionsKeys.Classes.Select(type => type.Name).Order(), ConfigurationPage.ClassesOn(Page).Order());

    [Fact]
    public void EveryOption_HasAMeaning() =>
        AssertNone("has no summary", OptionsKeys.All.Values.Where(key => NovaSources.Summary(key.Owner.Name, key.Property.Name) is null).Select(key => key.Key));

    [Fact]
    public void EveryNumberAndTime_IsValidated() =>
        AssertNone("is not validated", OptionsKeys.All.Values
            .Where(key => key is { Rule: null, Property.PropertyType.IsValueType: true } && key.Property.PropertyType != typeof(bool))
            .Select(key => key.Key));

    [Fact]
    public void EveryKeyThatIsReadByName_IsOnThePage()
    {
        var reads = new ConfigurationReads(NovaSources.Trees);
        AssertNone("cannot be told from the source which key is read", reads.Unresolved.Except(ReadsWithoutName.Keys));
        AssertNone("is not read any more", ReadsWithoutName.Keys.Except(reads.Unresolved));
        Assert.Contains("ConnectionStrings:streams-listen", reads.Keys);
        Assert.Contains("Nova:Replicas", reads.Keys);
        Assert.Contains("services:stream-state:http:0", reads.Keys);
        AssertNone("is read, and not on the page", reads.Keys.Where(key => !Page.Contains($"`{key}`", StringComparison.Ordinal)));
    }

    /// <summary>The scan finds reads of every form, and says so where it cannot follow one.</summary>
    [Fact]
    public void Scan_FindsEveryForm()
    {
        const string Source =
            """
            static class Reader
            {
                private const string Name = "Direct";
                public static void Read(IConfiguration configuration)
                {
                    var section = configuration.GetSection("Part");
                    Use(section["One"], section.GetValue<int>("Two"), configuration[$"Top:{nameof(Reader)}"], configuration.GetConnectionString(Reader.Name));
                    Follow(configuration, "Three");
                    _ = Environment.GetEnvironmentVariable("FOUR") + "https+http://five";
                    _ = configuration[Console.ReadLine()];
                }

                private static string? Follow(IConfiguration configuration, string key) => configuration[$"Followed:{key}"];
            }
            """;
        var reads = new ConfigurationReads([Microsoft.CodeAnalysis.CSharp.CSharpSyntaxTree.ParseText(Source, path: "Reader.cs")]);
        Assert.Equal(["ConnectionStrings:Direct", "FOUR", "Followed:Three", "Part:One", "Part:Two", "Top:Reader", "services:five:http:0"], reads.Keys);
        Assert.Equal(["Reader.cs: Console.ReadLine()"], reads.Unresolved);
    }

    private static void AssertNone(string what, IEnumerable<string> found) =>
        Assert.True(!found.Any(), string.Join('\n', found.Select(one => $"{one} {what}")));
}
