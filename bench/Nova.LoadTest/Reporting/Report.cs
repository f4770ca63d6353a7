using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Nova.LoadTest.Reporting;

/// <summary>Collects a run's results, prints them and writes them to <c>bench/results</c>.</summary>
internal sealed class Report(string title)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals, // NaN: the event did not happen.
    };

    private readonly string _folder = Directory.CreateDirectory(Path.Combine(
        Systems.Repository.Root, "bench", "results", DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture))).FullName;

    private readonly List<Measurement> _measurements = [];
    private readonly List<Goal> _goals = [];
    private readonly List<string> _notes = [];
    private readonly List<string> _sections = [];

    public IReadOnlyList<Measurement> Measurements => _measurements;

    /// <summary>Writes the cell to the file at once, so that an aborted run keeps its results.</summary>
    public void Add(Measurement measurement)
    {
        _measurements.Add(measurement);
        File.AppendAllText(Path.Combine(_folder, "results.jsonl"), JsonSerializer.Serialize(measurement, Json) + "\n");
        Console.Error.WriteLine($"  {MarkdownTable.OneLine(measurement)}");
    }

    public void Add(Goal goal) => _goals.Add(goal);

    public void Note(string note)
    {
        _notes.Add(note);
        Console.Error.WriteLine($"  {note}");
    }

    /// <summary>Adds a workload's own Markdown table.</summary>
    public void AddSection(string markdown) => _sections.Add(markdown);

    public void Finish()
    {
        if (_measurements.Count == 0)
        {
            Directory.Delete(_folder, recursive: true); // The run failed before its first cell.
            return;
        }

        var text = Compose();
        File.WriteAllText(Path.Combine(_folder, "report.md"), text);
        if (Chart.Draw(_measurements) is { } chart)
        {
            File.WriteAllText(Path.Combine(_folder, "chart.svg"), chart);
        }

        Console.WriteLine($"\n{text}");
        Console.WriteLine($"Written to {Path.GetRelativePath(Environment.CurrentDirectory, _folder)}");
    }

    private string Compose()
    {
        var text = new StringBuilder().AppendLine($"# {title}").AppendLine();
        text.AppendLine($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {Environment.OSVersion.VersionString}, .NET {Environment.Version}, commit {Systems.Repository.Commit()}.");
        foreach (var note in _notes)
        {
            text.AppendLine($"- {note}");
        }

        foreach (var section in _sections.Prepend(MarkdownTable.Of(_measurements)).Append(MarkdownTable.Of(_goals)).Where(static part => part.Length > 0))
        {
            text.AppendLine().Append(section);
        }

        return text.ToString();
    }
}
