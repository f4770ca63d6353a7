using System.Data.Common;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nova.Tests.Architecture;

/// <summary>
/// Finds code that waits for something else, or wants a second connection, while it holds one of Postgres: between the declaration of a connection,
/// a transaction or a reader and the end of its block, and in the whole body of a method that is given one. A command of a data source holds nothing
/// by itself, but its reader does. What a synchronous method of Nova's does inside is not looked at, so it must not wait; nothing else in Nova does.
/// </summary>
internal sealed class ConnectionScopes
{
    private static readonly string[] Held = [nameof(DbConnection), nameof(DbTransaction), nameof(DbDataReader)];
    private static readonly string[] Postgres = ["Npgsql", "System.Data"];
    private static readonly string[] Others = ["StackExchange.Redis", "System.Net"];
    private static readonly string[] Blocking = ["Result", "Wait", "WaitAll", "WaitAny", "GetResult", "Sleep"];

    /// <summary>As the SDK adds them; the projects' own generated file is not among their sources.</summary>
    private const string ImplicitUsings =
        """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http;
        global using System.Threading; global using System.Threading.Tasks; global using Microsoft.AspNetCore.Builder; global using Microsoft.AspNetCore.Http;
        global using Microsoft.Extensions.Configuration; global using Microsoft.Extensions.DependencyInjection; global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        """;

    private static readonly IReadOnlyList<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("Nova.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly CSharpCompilation _compilation;

    /// <param name="sources">Texts by file name. They need not compile: code that a generator would add is missing.</param>
    public ConnectionScopes(IEnumerable<(string File, string Text)> sources)
    {
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        _compilation = CSharpCompilation.Create(
            "Scanned",
            sources.Append(("ImplicitUsings.cs", ImplicitUsings)).Select(source => CSharpSyntaxTree.ParseText(source.Item2, options, source.Item1)),
            References);
    }

    /// <summary>How many connections, transactions and readers the code declares.</summary>
    public int Count { get; private set; }

    public IReadOnlyList<string> FindViolations() =>
        [.. _compilation.SyntaxTrees.Where(tree => tree.ToString().Contains("Npgsql", StringComparison.Ordinal)).SelectMany(FindViolations).Distinct()];

    private IEnumerable<string> FindViolations(SyntaxTree tree)
    {
        var model = _compilation.GetSemanticModel(tree);
        foreach (var node in tree.GetRoot().DescendantNodes())
        {
            var type = model.GetDeclaredSymbol(node) switch
            {
                ILocalSymbol local => local.Type,
                IParameterSymbol parameter => parameter.Type,
                IFieldSymbol field => field.Type,
                _ => null,
            };
            if (!IsHeld(type) || ScopeOf(node) is not { } scope)
            {
                continue;
            }

            Count++;
            foreach (var inside in scope.DescendantNodes().Where(inside => inside.SpanStart >= node.Span.End && Waits(model, inside)))
            {
                var line = inside.GetLocation().GetLineSpan().StartLinePosition.Line;
                yield return $"{tree.FilePath}({line + 1}): {tree.GetText().Lines[line].ToString().Trim()}";
            }
        }
    }

    private static SyntaxNode? ScopeOf(SyntaxNode declaration) => declaration is ParameterSyntax
        ? declaration.Ancestors().FirstOrDefault(node => node is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax or AnonymousFunctionExpressionSyntax or TypeDeclarationSyntax)
        : declaration.Ancestors().FirstOrDefault(node => node is BlockSyntax or UsingStatementSyntax or SwitchSectionSyntax or TypeDeclarationSyntax or CompilationUnitSyntax);

    private static bool Waits(SemanticModel model, SyntaxNode node) => node switch
    {
        AwaitExpressionSyntax awaited => !IsOfPostgres(model, awaited.Expression),
        YieldStatementSyntax => true, // Whoever takes the items may do anything between two of them.
        CommonForEachStatementSyntax loop => loop.AwaitKeyword != default,
        BaseObjectCreationExpressionSyntax created => Is(model.GetTypeInfo(created).Type, nameof(DbConnection)),
        InvocationExpressionSyntax call => IsIn(model.GetSymbolInfo(call).Symbol, Others),
        IdentifierNameSyntax name => Is(model.GetTypeInfo(name).Type, nameof(DbDataSource)) || Blocks(model.GetSymbolInfo(name).Symbol),
        _ => false,
    };

    /// <summary>A call of Npgsql's, or of a method that is given the connection: its body is looked at as well.</summary>
    private static bool IsOfPostgres(SemanticModel model, ExpressionSyntax awaited)
    {
        while (awaited is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "ConfigureAwait" } configured })
        {
            awaited = configured.Expression;
        }

        return awaited is InvocationExpressionSyntax call
            && (IsIn(model.GetSymbolInfo(call).Symbol, Postgres) || call.ArgumentList.Arguments.Any(argument => IsHeld(model.GetTypeInfo(argument.Expression).Type)));
    }

    private static bool Blocks(ISymbol? symbol) => symbol is IMethodSymbol or IPropertySymbol && Blocking.Contains(symbol.Name) && IsIn(symbol, ["System.Threading", "System.Runtime"]);

    private static bool IsIn(ISymbol? symbol, string[] namespaces) =>
        symbol?.ContainingNamespace?.ToDisplayString() is { } name && namespaces.Any(prefix => name == prefix || name.StartsWith($"{prefix}.", StringComparison.Ordinal));

    private static bool IsHeld(ITypeSymbol? type) => Held.Any(name => Is(type, name));

    private static bool Is(ITypeSymbol? type, string baseName) =>
        type is not null && (type.Name == baseName || Is(type.BaseType, baseName));
}
