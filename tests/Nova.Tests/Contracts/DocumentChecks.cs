using System.Globalization;
using System.Text.RegularExpressions;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>What a document says that can be compared with the repository: each check returns what is wrong, one line for each.</summary>
internal static partial class DocumentChecks
{
    /// <summary>Written when something runs, so not among the repository's files.</summary>
    private static readonly string[] MadeAtRunTime =
        ["results.jsonl", "report.md", "manifest.json", "deploy/.env", "Nova.Standalone/.nova", "Nova.AppHost/.nova", "artifacts/manifest.json"];

    private static readonly string[] Extensions =
        [".cs", ".csproj", ".css", ".html", ".js", ".json", ".lua", ".md", ".mjs", ".proj", ".props", ".sh", ".sln", ".sql", ".yaml", ".yml"];

    /// <summary>Options of a program that is not ours, beside those that its own sources name.</summary>
    private static readonly Dictionary<string, string[]> ForeignFlags = new()
    {
        ["Nova.Standalone"] = ["--help", "--version"],
        ["Nova.AppHost"] = ["--publisher", "--output-path", "--operation", "--step"],
        ["bench/Nova.LoadTest"] = ["--help"],
        ["bench/Nova.Benchmarks"] = ["--filter"],
    };

    private static readonly string[] RepositoryFiles =
    [
        .. NovaSources.Files(Tools.Root, "*").Select(file => Path.GetRelativePath(Tools.Root, file).Replace('\\', '/'))
            .Where(file => !file.Contains("/.nova", StringComparison.Ordinal)),
    ];

    private static readonly string[] RepositoryFolders = [.. RepositoryFiles.SelectMany(Parents).Distinct()];

    /// <summary>Without the tests of documents, which name tests that do not exist.</summary>
    private static readonly string[] TestSources =
    [
        .. NovaSources.Files(Path.Combine(Tools.Root, "tests"), "*.cs")
            .Where(file => !file.Contains("Contracts", StringComparison.Ordinal)).Select(File.ReadAllText),
    ];

    private static readonly HashSet<string> KnownKeys = [.. OptionsKeys.All.Keys, .. new ConfigurationReads(NovaSources.Trees).Keys];

    public static IEnumerable<string> DeadLinks(Document document)
    {
        foreach (var link in document.RelativeLinks)
        {
            var (path, anchor) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0
                ? document.File
                : Path.GetRelativePath(Tools.Root, Path.GetFullPath(Path.Combine(Tools.Root, Path.GetDirectoryName(document.File)!, path))).Replace('\\', '/');
            var linked = Document.All.FirstOrDefault(other => other.File == target);
            if (!RepositoryFiles.Contains(target) && !RepositoryFolders.Contains(target) && target != document.File)
            {
                yield return $"{document.File}: {link} leads to no file";
            }
            else if (anchor is not null && (target == document.File ? document : linked)?.Anchors.Contains(anchor) == false)
            {
                yield return $"{document.File}: {link} leads to no heading";
            }
        }
    }

    public static IEnumerable<string> MissingPaths(Document document) =>
        document.CodeSpans.Distinct()
            .Where(span => PathText().IsMatch(span) && LooksLikeOurs(span) && !MadeAtRunTime.Contains(span.TrimEnd('/')) && !Exists(span.TrimEnd('/')))
            .Select(span => $"{document.File}: `{span}` is no file or folder of this repository");

    public static IEnumerable<string> UnknownInstruments(Document document, IReadOnlySet<string> instruments, IReadOnlySet<string> prometheusNames) =>
        document.CodeSpans.Concat(document.CodeLines)
            .SelectMany(text => InstrumentName().Matches(text).Select(match => match.Value.TrimEnd('.')))
            .Distinct()
            .Where(name => !instruments.Contains(name) && !prometheusNames.Contains(name))
            .Select(name => $"{document.File}: {name} is no instrument of Nova's");

    public static IEnumerable<string> UnknownKeys(Document document) =>
        document.CodeSpans.Concat(document.CodeLines)
            .SelectMany(text => Key().Matches(text).Select(match => match.Value))
            .Distinct()
            .Where(key => !IsKnown(key))
            .Select(key => $"{document.File}: {key} is no configuration key");

    /// <summary>In a table's column <c>Default</c> or <c>After</c>, and in prose as <c>`key` (value)</c>.</summary>
    public static IEnumerable<string> WrongDefaults(Document document)
    {
        var rows = document.Rows
            .Select(table => (Column: Array.FindIndex(table.Head, head => head is "Default" or "After"), table.Row))
            .Where(table => table.Column >= 0 && table.Column < table.Row.Length)
            .SelectMany(table => KeysIn(string.Join(' ', table.Row)).Select(key => (Key: key, Value: table.Row[table.Column])));
        var prose = document.Prose.SelectMany(line => KeyWithValue().Matches(line)).Select(match => (Key: match.Groups[1].Value, Value: match.Groups[2].Value));
        return rows.Concat(prose)
            .Where(told => OptionsKeys.All.TryGetValue(told.Key, out var key) && Parse(told.Value, key.Default) is { } value && !value.Equals(key.Default))
            .Select(told => $"{document.File}: {told.Key} is not {told.Value} by default, but {OptionsKeys.Read(OptionsKeys.All[told.Key].Default)}");
    }

    public static IEnumerable<string> UnknownFlags(Document document)
    {
        foreach (var command in document.Commands.Concat(document.CodeSpans))
        {
            var project = Project().Match(command) is { Success: true } match ? match.Groups[1].Value.TrimEnd('/')
                : command.StartsWith("run W", StringComparison.Ordinal) || command.StartsWith("… compare", StringComparison.Ordinal) ? "bench/Nova.LoadTest"
                : null;
            if (project is null || !command.Contains(' ', StringComparison.Ordinal))
            {
                continue;
            }

            var ours = command.Split(" -- ", 2) is [_, var arguments] ? arguments : command.Contains("dotnet run", StringComparison.Ordinal) ? "" : command;
            foreach (var flag in Flag().Matches(ours).Select(flag => flag.Value).Where(flag => !IsFlagOf(project, flag)))
            {
                yield return $"{document.File}: {project} has no option {flag}";
            }

            foreach (var workload in Workload().Matches(ours).Select(workload => workload.Value).Where(name => !IsPartOfAName(name)))
            {
                yield return $"{document.File}: there is no workload {workload}";
            }
        }
    }

    /// <summary>Folders, classes or tests that <c>dotnet test --filter</c> names.</summary>
    public static IEnumerable<string> UnknownFilters(Document document) =>
        document.Commands.Concat(document.CodeSpans)
            .SelectMany(command => TestFilter().Matches(command)).Select(match => match.Groups[1].Value.Split('.')[^1])
            .Where(name => !IsPartOfAName(name) && !TestSources.Any(text => text.Contains($" {name}", StringComparison.Ordinal)))
            .Select(name => $"{document.File}: no test is called {name}");

    private static bool LooksLikeOurs(string span) =>
        Extensions.Contains(Path.GetExtension(span)) || RepositoryFolders.Contains(span.Split('/')[0])
        || (span.Contains('/', StringComparison.Ordinal) && span.StartsWith("Nova.", StringComparison.Ordinal));

    private static bool IsPartOfAName(string text) => Array.Exists(RepositoryFiles, file => file.Contains($"/{text}", StringComparison.Ordinal));

    /// <summary>By its path or the end of it; <c>*</c> stands for any part of a name, <c>NNNN_name</c> for a migration's.</summary>
    private static bool Exists(string path)
    {
        var text = Regex.Escape(path).Replace(@"\*", "[^/]*", StringComparison.Ordinal).Replace("NNNN_name", @"\d{4}_\w+", StringComparison.Ordinal);
        var pattern = new Regex($"(^|/){text}$");
        return RepositoryFiles.Any(pattern.IsMatch) || RepositoryFolders.Any(pattern.IsMatch);
    }

    private static IEnumerable<string> Parents(string file)
    {
        for (var folder = Path.GetDirectoryName(file); !string.IsNullOrEmpty(folder); folder = Path.GetDirectoryName(folder))
        {
            yield return folder.Replace('\\', '/');
        }
    }

    private static bool IsKnown(string written)
    {
        var key = Index().Replace(written.Replace("__", ":", StringComparison.Ordinal), ":0");
        return KnownKeys.Contains(key) || KnownKeys.Any(known => known.StartsWith($"{key.TrimEnd('*', ':')}:", StringComparison.Ordinal));
    }

    private static IEnumerable<string> KeysIn(string text) => Key().Matches(text).Select(match => match.Value);

    private static bool IsFlagOf(string project, string flag) =>
        ForeignFlags.GetValueOrDefault(project, []).Contains(flag)
        || (flag.Contains(':', StringComparison.Ordinal) && IsKnown(flag[2..]))
        || NovaSources.Files(Path.Combine(Tools.Root, project), "*.cs").Any(file => File.ReadAllText(file).Contains($"\"{flag}\"", StringComparison.Ordinal));

    /// <returns>Null where the text says no value of that type.</returns>
    private static object? Parse(string text, object? like)
    {
        if (Amount().Match(text) is not { Success: true } match)
        {
            return null;
        }

        var number = double.Parse(match.Groups[1].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        object? time = match.Groups[2].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "min" or "minutes" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            "day" or "days" => TimeSpan.FromDays(number),
            _ => null,
        };
        var factor = match.Groups[2].Value switch { "KB" or "KiB" => 1024, "MB" or "MiB" => 1024 * 1024, _ => 1 };
        return like switch
        {
            TimeSpan => time,
            int when time is null => (int)(number * factor),
            long when time is null => (long)(number * factor),
            double when time is null => number,
            _ => null,
        };
    }

    [GeneratedRegex(@"^[\w.*@-][\w./*@-]*$")]
    private static partial Regex PathText();

    [GeneratedRegex(@"\bnova[._](gateway|stream_state|telemetry|quality|loop)[._][a-z_.]+")]
    private static partial Regex InstrumentName();

    [GeneratedRegex(@"(?<![\w:/.-])(Gateway|StreamState|Telemetry|Postgres|Internal|Demo|Nova|LocalInfra|Authentication|ConnectionStrings|services)((:|__)[A-Za-z0-9*][A-Za-z0-9*-]*)+")]
    private static partial Regex Key();

    [GeneratedRegex(@"`((?:Gateway|StreamState|Telemetry|Postgres):\w+)`\s*\(([^)]+)\)")]
    private static partial Regex KeyWithValue();

    [GeneratedRegex(@"^(\d[\d,]*(?:\.\d+)?) ?([A-Za-z]*)")]
    private static partial Regex Amount();

    [GeneratedRegex(@"(:\d+)(?=:|$)")]
    private static partial Regex Index();

    [GeneratedRegex(@"\bdotnet run\b.*?--project (\S+)")]
    private static partial Regex Project();

    [GeneratedRegex(@"(?<=^|\s)--[A-Za-z][\w:-]*")]
    private static partial Regex Flag();

    [GeneratedRegex(@"\bW\d+\b")]
    private static partial Regex Workload();

    [GeneratedRegex(@"dotnet test\b.*?--filter ""?(?:FullyQualifiedName~)?([\w.]+)")]
    private static partial Regex TestFilter();
}
