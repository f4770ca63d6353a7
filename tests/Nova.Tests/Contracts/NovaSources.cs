using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>The C# sources of every project in a <c>Nova.*</c> folder of the repository's root, parsed once. Tests and benchmarks are not among them.</summary>
internal static class NovaSources
{
    private static readonly CSharpParseOptions Options = new(LanguageVersion.Preview, DocumentationMode.Parse);

    public static IReadOnlyList<SyntaxTree> Trees { get; } =
    [
        .. Directory.EnumerateDirectories(Tools.Root, "Nova.*")
            .SelectMany(project => Files(project, "*.cs"))
            .Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), Options, Path.GetRelativePath(Tools.Root, file))),
    ];

    private static readonly ILookup<string, TypeDeclarationSyntax> Types =
        Trees.SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<TypeDeclarationSyntax>()).ToLookup(declared => declared.Identifier.Text);

    /// <summary>Every file below a folder that is not built.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or ".git"));

    /// <summary>The <c>summary</c> of a property, in Markdown; null where it has none.</summary>
    public static string? Summary(string type, string property) =>
        Types[type]
            .SelectMany(declared => declared.Members.OfType<PropertyDeclarationSyntax>())
            .Where(declared => declared.Identifier.Text == property)
            .Select(SummaryOf)
            .FirstOrDefault();

    /// <summary>The <c>summary</c> of a type, in Markdown; null where it has none.</summary>
    public static string? Summary(string type) => Elements(type).Where(element => NameOf(element) == "summary").Select(Text).FirstOrDefault();

    /// <summary>What a record's comment says of a parameter, in Markdown; null where it says nothing.</summary>
    public static string? Parameter(string type, string name) => Elements(type)
        .Where(element => NameOf(element) == "param"
            && element.StartTag.Attributes.OfType<XmlNameAttributeSyntax>().Any(attribute => attribute.Identifier.Identifier.Text == name))
        .Select(Text).FirstOrDefault();

    private static string? SummaryOf(PropertyDeclarationSyntax property) => Elements(property).Where(element => NameOf(element) == "summary").Select(Text).FirstOrDefault();

    private static IEnumerable<XmlElementSyntax> Elements(string type) =>
        Types[type].SelectMany(Elements);

    private static IEnumerable<XmlElementSyntax> Elements(MemberDeclarationSyntax declared) => declared.GetLeadingTrivia()
        .Select(trivia => trivia.GetStructure()).OfType<DocumentationCommentTriviaSyntax>().SelectMany(comment => comment.Content.OfType<XmlElementSyntax>());

    private static string NameOf(XmlElementSyntax element) => element.StartTag.Name.LocalName.Text;

    private static string Text(XmlElementSyntax element) =>
        string.Join(' ', string.Concat(element.Content.Select(Markdown)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string Markdown(XmlNodeSyntax node) => node switch
    {
        XmlTextSyntax text => string.Concat(text.TextTokens.Select(token => token.ValueText)),
        XmlElementSyntax { StartTag.Name.LocalName.Text: "c" } code => $"`{string.Concat(code.Content.Select(Markdown))}`",
        XmlElementSyntax other => string.Concat(other.Content.Select(Markdown)),
        XmlEmptyElementSyntax reference => $"`{reference.Attributes.OfType<XmlCrefAttributeSyntax>().Single().Cref.ToString().Split('.')[^1]}`",
        _ => "",
    };
}
