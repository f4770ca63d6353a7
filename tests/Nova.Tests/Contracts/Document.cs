using System.Text.RegularExpressions;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>A Markdown file of the repository.</summary>
internal sealed partial class Document
{
    private static readonly string[] AtTheRoot = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", Path.Combine("bench", "README.md")];

    private readonly string[] _lines;

    private Document(string file, string text)
    {
        (File, _lines) = (file, text.ReplaceLineEndings("\n").Split('\n'));
        var isCode = false;
        foreach (var line in _lines)
        {
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                isCode = !isCode;
                continue;
            }

            (isCode ? CodeLines : Prose).Add(line);
        }
    }

    public static IReadOnlyList<Document> All { get; } =
    [
        .. AtTheRoot.Select(name => Path.Combine(Tools.Root, name))
            .Concat(NovaSources.Files(Path.Combine(Tools.Root, "docs"), "*.md"))
            .Select(file => new Document(Path.GetRelativePath(Tools.Root, file).Replace('\\', '/'), System.IO.File.ReadAllText(file))),
    ];

    /// <summary>A document that is not a file, for tests of the tests.</summary>
    public static Document Of(string text) => new("docs/made-up.md", text);

    /// <summary>Relative to the repository's root.</summary>
    public string File { get; }

    /// <summary>Lines outside fenced blocks.</summary>
    public List<string> Prose { get; } = [];

    /// <summary>Lines inside fenced blocks.</summary>
    public List<string> CodeLines { get; } = [];

    public IEnumerable<string> CodeSpans => Prose.SelectMany(line => CodeSpan().Matches(line)).Select(match => match.Groups[1].Value);

    /// <summary>Targets of links and images that are in this repository.</summary>
    public IEnumerable<string> RelativeLinks =>
        Prose.SelectMany(line => Link().Matches(line)).Select(match => match.Groups[1].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal));

    /// <summary>What a link may have after its #: headings as GitHub names them, and anchors by hand.</summary>
    public IReadOnlySet<string> Anchors
    {
        get
        {
            var anchors = Prose.SelectMany(line => NamedAnchor().Matches(line)).Select(match => match.Groups[1].Value).ToHashSet();
            foreach (var heading in Prose.Where(line => line.StartsWith('#')).Select(line => Slug(line.TrimStart('#').Trim())))
            {
                for (var again = 0; !anchors.Add(again == 0 ? heading : $"{heading}-{again}"); again++)
                {
                }
            }

            return anchors;
        }
    }

    /// <summary>Commands of fenced blocks, without comments and with continued lines joined.</summary>
    public IEnumerable<string> Commands =>
        string.Join('\n', CodeLines).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n')
            .Select(line => Comment().Replace(line, "").Trim()).Where(line => line.Length > 0);

    /// <summary>Rows of every table, each with the table's head.</summary>
    public IEnumerable<(string[] Head, string[] Row)> Rows
    {
        get
        {
            string[]? head = null;
            foreach (var line in Prose)
            {
                var cells = line.StartsWith('|') ? [.. CellBorder().Split(line.Trim().Trim('|')).Select(cell => cell.Trim())] : (string[]?)null;
                if (cells is not null && head is not null && !cells.All(cell => cell.Trim('-', ':').Length == 0))
                {
                    yield return (head, cells);
                }

                head = cells is null ? null : head ?? cells;
            }
        }
    }

    private static string Slug(string heading) =>
        NotInSlug().Replace(MarkdownLink().Replace(heading, "$1").ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex MarkdownLink();

    [GeneratedRegex("<a id=\"([^\"]+)\"")]
    private static partial Regex NamedAnchor();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInSlug();

    [GeneratedRegex(@"(^|\s)#\s.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex CellBorder();
}
