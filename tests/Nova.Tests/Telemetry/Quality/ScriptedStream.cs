using System.Globalization;
using System.Text.Json;
using Nova.Protocol;
using Nova.Telemetry.Quality;

namespace Nova.Tests.Telemetry.Quality;

/// <summary>A stream as a script says: how many watch, what changes, and how many report.</summary>
internal sealed class ScriptedStream(int seed = 1)
{
    private readonly Random _random = new(seed);
    private readonly List<TimelineEntry> _entries = [];
    private readonly List<ReportMark> _reports = [];

    public static DateTimeOffset Start { get; } = new(2026, 11, 27, 10, 38, 15, TimeSpan.Zero);

    public IReadOnlyList<ReportMark> Reports => _reports;

    /// <param name="second">Of the script.</param>
    public ScriptedStream Audience(double second, int viewers)
    {
        _entries.Add(new(Guid.Empty, TimelineKinds.Sample, 0, At(second), null, viewers, null, null));
        return this;
    }

    public ScriptedStream Health(double second, int viewers, StreamHealth health)
    {
        _entries.Add(new(Guid.Empty, TimelineKinds.Sample, 0, At(second), null, viewers, 4000, health));
        return this;
    }

    public ScriptedStream Quality(double second, string from, string to)
    {
        _entries.Add(new(
            Guid.Empty, EventNames.QualityChanged, 1, At(second), JsonElement.Parse($$"""{"previous_quality":"{{from}}","new_quality":"{{to}}"}"""), null, null, null));
        return this;
    }

    public ScriptedStream Error(double second, string code)
    {
        _entries.Add(new(Guid.Empty, EventNames.Error, 1, At(second), JsonElement.Parse($$"""{"error_code":"{{code}}"}"""), null, null, null));
        return this;
    }

    /// <summary>So many different viewers report once, evenly spread.</summary>
    public ScriptedStream Report(double from, double to, int viewers, IssueType type = IssueType.Buffering)
    {
        for (var i = 0; i < viewers; i++)
        {
            _reports.Add(new(At(from + ((to - from) * (i + 0.5) / viewers)), Guid.NewGuid(), type));
        }

        return this;
    }

    /// <summary>Each second a random number of <paramref name="viewers"/> report, at a rate per viewer and minute.</summary>
    public ScriptedStream ReportAtRandom(double from, double to, int viewers, double perViewerMinute, IssueType type)
    {
        var people = Enumerable.Range(0, viewers).Select(_ => Guid.NewGuid()).ToList();
        var each = 60 / (viewers * perViewerMinute);
        for (var at = from + NextWait(each); at < to; at += NextWait(each))
        {
            _reports.Add(new(At(at), people[_random.Next(viewers)], type));
        }

        return this;
    }

    /// <summary>One viewer who clicks again and again.</summary>
    public ScriptedStream Burst(double from, double to, int reports)
    {
        var viewer = Guid.NewGuid();
        for (var i = 0; i < reports; i++)
        {
            _reports.Add(new(At(from + ((to - from) * i / reports)), viewer, IssueType.Buffering));
        }

        return this;
    }

    public StreamHistory History(double since, double until) => new([.. _entries.OrderBy(entry => entry.HappenedAt)], At(since), At(until));

    public IReadOnlyList<JudgedChange> Judge(double since, double until) => ChangeJudge.Judge(History(since, until), _reports);

    public static DateTimeOffset At(double second) => Start.AddSeconds(second);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_entries.Count} entries, {_reports.Count} reports");

    private double NextWait(double mean) => -mean * Math.Log(1 - _random.NextDouble());
}
