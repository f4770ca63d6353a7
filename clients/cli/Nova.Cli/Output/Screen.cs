using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Nova.Protocol;
using Spectre.Console;

namespace Nova.Cli.Output;

/// <summary>What a command prints: tables and sentences for people, or one JSON value a line for programs. Colour only on a terminal, and not where NO_COLOR is set.</summary>
internal sealed class Screen(bool isJson)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TimestampConverter() },
    };

    private readonly IAnsiConsole _console = Create();

    public bool IsJson => isJson;

    public IAnsiConsole Ansi => _console;

    /// <summary>Whether somebody looks at it, so that it may be drawn anew in place.</summary>
    public bool IsLive => !isJson && _console.Profile.Out.IsTerminal && _console.Profile.Capabilities.Interactive;

    public static string ToJson(object value) => JsonSerializer.Serialize(value, value.GetType(), Options);

    /// <summary>The value for programs, or else the text for people, which may be marked up.</summary>
    public void Write(object value, string markup)
    {
        if (isJson)
        {
            WriteLine(ToJson(value));
        }
        else
        {
            _console.MarkupLine(markup);
        }
    }

    public void Json(object value) => WriteLine(ToJson(value));

    /// <summary>As it is: neither marked up nor wrapped.</summary>
    public static void WriteLine(string text) => Console.Out.WriteLine(text);

    public void Table(IReadOnlyList<string> columns, IEnumerable<string[]> rows)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns)
        {
            table.AddColumn(column);
        }

        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(cell => (Spectre.Console.Rendering.IRenderable)new Markup(cell))]);
        }

        _console.Write(table);
    }

    private static IAnsiConsole Create()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Out),
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = !Console.IsOutputRedirected },
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect, // Some CI systems are taken for terminals.
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        });
        if (!console.Profile.Out.IsTerminal)
        {
            console.Profile.Width = 1000; // In a pipe a line is as long as its content: whoever cuts columns finds them whole.
        }

        return console;
    }
}
