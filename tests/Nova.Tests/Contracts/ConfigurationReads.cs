using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nova.Tests.Contracts;

/// <summary>
/// Finds every configuration key and environment variable that Nova's sources read by name, rather than through an options class: indexers and
/// <c>GetValue</c> of a configuration or section, connection strings, environment variables and the names of service discovery. A name that is a
/// parameter is followed to the calls that give it.
/// </summary>
internal sealed class ConfigurationReads
{
    private const string ConnectionStrings = "ConnectionStrings:";
    private const string ServiceScheme = "https+http://";
    private const int Depth = 12;

    private readonly IReadOnlyList<SyntaxTree> _trees;
    private readonly ILookup<string, ExpressionSyntax> _constants;

    public ConfigurationReads(IReadOnlyList<SyntaxTree> trees)
    {
        _trees = trees;
        _constants = Nodes<FieldDeclarationSyntax>()
            .Where(field => field.Modifiers.Any(modifier => modifier.ValueText == "const"))
            .SelectMany(field => field.Declaration.Variables)
            .Where(constant => constant.Initializer is not null)
            .ToLookup(constant => $"{TypeOf(constant)}.{constant.Identifier.Text}", constant => constant.Initializer!.Value);
        foreach (var access in Nodes<ElementAccessExpressionSyntax>().Where(access => IsConfiguration(access.Expression)))
        {
            Add(access, PrefixOf(access.Expression), access.ArgumentList.Arguments[0].Expression);
        }

        foreach (var call in Nodes<InvocationExpressionSyntax>())
        {
            AddCall(call);
        }

        Keys.UnionWith(Nodes<LiteralExpressionSyntax>()
            .Select(literal => literal.Token.ValueText)
            .Where(text => text.StartsWith(ServiceScheme, StringComparison.Ordinal))
            .Select(text => $"services:{text[ServiceScheme.Length..]}:http:0"));
    }

    public SortedSet<string> Keys { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads whose key cannot be told from the sources, as <c>file: expression</c>.</summary>
    public SortedSet<string> Unresolved { get; } = new(StringComparer.Ordinal);

    private void AddCall(InvocationExpressionSyntax call)
    {
        var (receiver, name) = call.Expression switch
        {
            MemberAccessExpressionSyntax member => (member.Expression, member.Name.Identifier.Text),
            _ => (call.Expression, ""),
        };
        switch (name)
        {
            case "GetConnectionString" when call.ArgumentList.Arguments.Count == 1:
                Add(call, ConnectionStrings, call.ArgumentList.Arguments[0].Expression);
                break;
            case "GetEnvironmentVariable":
                Add(call, "", call.ArgumentList.Arguments[0].Expression);
                break;
            case "GetValue" when IsConfiguration(receiver):
                Add(call, PrefixOf(receiver), call.ArgumentList.Arguments[^1].Expression);
                break;
            default:
                break;
        }
    }

    private void Add(SyntaxNode node, string? prefix, ExpressionSyntax key)
    {
        if (prefix is not null && Resolve(key, Depth) is { Count: > 0 } names)
        {
            Keys.UnionWith(names.Select(name => prefix + name));
        }
        else
        {
            Unresolved.Add($"{node.SyntaxTree.FilePath.Replace('\\', '/')}: {key}");
        }
    }

    private static bool IsConfiguration(ExpressionSyntax receiver) =>
        receiver.ToString() is var text && (text.EndsWith("onfiguration", StringComparison.Ordinal) || text.EndsWith("section", StringComparison.Ordinal));

    /// <summary>The path of a section that a variable of the same file holds; "" for a whole configuration.</summary>
    private string? PrefixOf(ExpressionSyntax receiver)
    {
        if (receiver is not IdentifierNameSyntax { Identifier.Text: var name } || !name.EndsWith("section", StringComparison.Ordinal))
        {
            return "";
        }

        var opened = receiver.SyntaxTree.GetRoot().DescendantNodes().OfType<VariableDeclaratorSyntax>()
            .Where(variable => variable.Identifier.Text == name)
            .Select(variable => variable.Initializer?.Value)
            .OfType<InvocationExpressionSyntax>()
            .FirstOrDefault(call => call.Expression is MemberAccessExpressionSyntax { Name.Identifier.Text: "GetSection" });
        return opened is not null && Resolve(opened.ArgumentList.Arguments[0].Expression, Depth) is [var path] ? $"{path}:" : null;
    }

    /// <returns>Every text the expression can have; empty where that cannot be told.</returns>
    private List<string> Resolve(ExpressionSyntax expression, int depth) => (depth, expression) switch
    {
        (0, _) => [],
        (_, LiteralExpressionSyntax literal) => [literal.Token.ValueText],
        (_, InterpolatedStringExpressionSyntax text) => text.Contents.Aggregate(new List<string> { "" }, (all, part) =>
            [.. all.SelectMany(_ => Parts(part, depth), (before, after) => before + after)]),
        (_, InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "nameof" } } name) =>
            [name.ArgumentList.Arguments[0].Expression.ToString().Split('.')[^1]],
        (_, MemberAccessExpressionSyntax member) => [.. _constants[member.ToString()].Take(1).SelectMany(value => Resolve(value, depth - 1))],
        (_, IdentifierNameSyntax name) => ResolveName(name, depth - 1),
        _ => [],
    };

    private List<string> Parts(InterpolatedStringContentSyntax part, int depth) =>
        part is InterpolationSyntax hole ? Resolve(hole.Expression, depth - 1) : [((InterpolatedStringTextSyntax)part).TextToken.ValueText];

    private List<string> ResolveName(IdentifierNameSyntax name, int depth)
    {
        var text = name.Identifier.Text;
        if (_constants[$"{TypeOf(name)}.{text}"].FirstOrDefault() is { } constant)
        {
            return Resolve(constant, depth);
        }

        foreach (var scope in name.Ancestors())
        {
            var parameters = scope switch
            {
                BaseMethodDeclarationSyntax method => method.ParameterList,
                LocalFunctionStatementSyntax function => function.ParameterList,
                _ => null,
            };
            if (scope is BlockSyntax block && block.Statements.OfType<LocalDeclarationStatementSyntax>().SelectMany(local => local.Declaration.Variables)
                .FirstOrDefault(variable => variable.Identifier.Text == text)?.Initializer is { } initializer)
            {
                return Resolve(initializer.Value, depth);
            }

            if (parameters?.Parameters.FirstOrDefault(parameter => parameter.Identifier.Text == text) is { } found)
            {
                var given = ArgumentsFor(scope, parameters, found).Select(argument => Resolve(argument, depth)).ToList();
                return given.Exists(names => names.Count == 0) ? [] : [.. given.SelectMany(names => names).Distinct()];
            }
        }

        return [];
    }

    /// <summary>What calls give for a parameter; those of a private method or local function are in its own file.</summary>
    private IEnumerable<ExpressionSyntax> ArgumentsFor(SyntaxNode method, ParameterListSyntax parameters, ParameterSyntax parameter)
    {
        var (name, isLocal) = method switch
        {
            MethodDeclarationSyntax declared => (declared.Identifier.Text, declared.Modifiers.Any(modifier => modifier.ValueText == "private")),
            LocalFunctionStatementSyntax function => (function.Identifier.Text, true),
            _ => ("", true),
        };
        var isExtension = parameters.Parameters[0].Modifiers.Any(modifier => modifier.ValueText == "this");
        foreach (var call in Nodes<InvocationExpressionSyntax>().Where(call => NameOf(call) == name && IsInReach(call, method, isLocal)))
        {
            var isShifted = isExtension && call.Expression is MemberAccessExpressionSyntax;
            var index = parameters.Parameters.IndexOf(parameter) - (isShifted ? 1 : 0);
            var arguments = call.ArgumentList.Arguments;
            var given = arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.Text == parameter.Identifier.Text)
                ?? (index >= 0 && index < arguments.Count ? arguments[index] : null);
            if (given is not null)
            {
                yield return given.Expression;
            }
        }
    }

    /// <summary>The AppHost refers to no other project; a method of the same name there is Aspire's.</summary>
    private static bool IsInReach(SyntaxNode call, SyntaxNode method, bool isLocal) =>
        isLocal ? call.SyntaxTree == method.SyntaxTree : IsOfAppHost(call) == IsOfAppHost(method);

    private static bool IsOfAppHost(SyntaxNode node) => node.SyntaxTree.FilePath.StartsWith("Nova.AppHost", StringComparison.Ordinal);

    private static string NameOf(InvocationExpressionSyntax call) => call.Expression switch
    {
        MemberAccessExpressionSyntax member => member.Name.Identifier.Text,
        SimpleNameSyntax name => name.Identifier.Text,
        _ => "",
    };

    private static string TypeOf(SyntaxNode node) => node.FirstAncestorOrSelf<TypeDeclarationSyntax>()?.Identifier.Text ?? "";

    private IEnumerable<T> Nodes<T>()
        where T : SyntaxNode => _trees.SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<T>());
}
