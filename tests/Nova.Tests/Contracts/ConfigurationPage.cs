using System.Text;
using System.Text.RegularExpressions;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>
/// <c>docs/configuration.md</c>. A table between <c>&lt;!-- options: X --&gt;</c> and <c>&lt;!-- /options --&gt;</c> is made from options class X; the rest
/// is written by hand.
/// </summary>
internal static partial class ConfigurationPage
{
    public static string File { get; } = Path.Combine(Tools.Root, "docs", "configuration.md");

    /// <summary>The options classes that the page has a table of.</summary>
    public static IEnumerable<string> ClassesOn(string page) => Block().Matches(page).Select(block => block.Groups["class"].Value);

    /// <summary>The page with every table as its options class is now.</summary>
    public static string Refresh(string page) => Block().Replace(page, block =>
        OptionsKeys.Classes.SingleOrDefault(type => type.Name == block.Groups["class"].Value) is { } type
            ? $"<!-- options: {type.Name} -->\n{TableOf(type)}<!-- /options -->"
            : block.Value);

    private static string TableOf(Type options)
    {
        var table = new StringBuilder("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
        foreach (var key in OptionsKeys.Of(options))
        {
            var rule = key.Rule is null ? "" : $", {key.Rule}";
            table.Append($"| `{key.Key}` | {key.Type}{rule} | {OptionsKeys.Read(key.Default)} | {Meaning(key)} |\n");
        }

        return table.ToString();
    }

    /// <summary>Without the numbers of the protocol's rules, which are in a document of their own.</summary>
    private static string Meaning(OptionsKey key) =>
        RuleNumbers().Replace(NovaSources.Summary(key.Owner.Name, key.Property.Name) ?? "", "").Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"<!-- options: (?<class>\w+) -->\n.*?<!-- /options -->", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@" \([RSF]\d+(, [RSF]\d+)*\)")]
    private static partial Regex RuleNumbers();
}
