using System.Collections.Concurrent;
using Nova.Protocol;

namespace Nova.Client.Viewing;

/// <summary>Questions and reports that Nova has not answered. Each is sent again after a reconnect, reports also every 15 s; a report is stored once.</summary>
internal sealed class Unanswered(TimeProvider time)
{
    /// <summary>A program that reports more than this while Nova is away has a fault of its own.</summary>
    private const int MostReports = 100;

    /// <summary>Of a report Nova says at once that it is wrong.</summary>
    private static readonly TimeSpan RefusalComes = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Question> _questions = [];
    private readonly ConcurrentDictionary<string, Report> _reports = [];
    private int _asked;
    private long _reportedAt;

    /// <summary>The reports, as sent now.</summary>
    public IEnumerable<byte[]> Reports()
    {
        _reportedAt = time.GetTimestamp();
        return _reports.Values.Select(report => report.Message);
    }

    public (string Id, byte[] Message, Task<StreamInfo> Answer) Ask()
    {
        var id = $"info-{Interlocked.Increment(ref _asked)}";
        var question = new Question(ClientMessages.GetStreamInfo(id)) { SentAt = time.GetTimestamp() };
        _questions[id] = question;
        return (id, question.Message, question.Answer.Task);
    }

    /// <summary>The questions, as sent now.</summary>
    public IEnumerable<byte[]> Questions()
    {
        foreach (var question in _questions.Values)
        {
            question.SentAt = time.GetTimestamp();
            yield return question.Message;
        }
    }

    public void Forget(string id) => _questions.TryRemove(id, out _);

    /// <returns>Null if nobody asked.</returns>
    public Question? Take(string id) => _questions.TryRemove(id, out var question) ? question : null;

    public (string Id, byte[] Message, Task<StoredReport> Stored) Add(ViewerReport report)
    {
        var id = report.ReportId ?? Guid.NewGuid().ToString("N");
        report.Check(id);
        var pending = new Report(ClientMessages.ReportIssue(report, id));
        if (_reports.Count >= MostReports)
        {
            throw new InvalidOperationException($"{MostReports} reports wait for Nova already.");
        }

        if (!_reports.TryAdd(id, pending))
        {
            throw new ArgumentException($"{nameof(ViewerReport.ReportId)} is that of a report that waits already.");
        }

        _reportedAt = time.GetTimestamp();
        return (id, pending.Message, pending.Stored.Task);
    }

    public void GiveUp(string id) => _reports.TryRemove(id, out _);

    public void Received(IssueReceived received)
    {
        if (_reports.TryRemove(received.ReportId, out var report))
        {
            report.Stored.TrySetResult(new StoredReport(received.ReportId, received.IssueId));
        }
    }

    /// <summary>Nova says that a value is wrong, and not of which report: so all that wait. What is checked here makes that rare.</summary>
    public void Refused(string why)
    {
        if (time.GetElapsedTime(_reportedAt) > RefusalComes)
        {
            return; // A broadcaster's tool said that to everybody.
        }

        foreach (var (id, report) in _reports)
        {
            GiveUp(id);
            report.Stored.TrySetException(new ArgumentException(why));
        }
    }

    public void Close(Closed closed)
    {
        foreach (var (id, question) in _questions)
        {
            Forget(id);
            question.Answer.TrySetException(new NovaClosedException(closed));
        }

        foreach (var (id, report) in _reports)
        {
            GiveUp(id);
            report.Stored.TrySetException(new NovaClosedException(closed));
        }
    }

    internal sealed record Question(byte[] Message)
    {
        public TaskCompletionSource<StreamInfo> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long SentAt { get; set; }
    }

    private sealed record Report(byte[] Message)
    {
        public TaskCompletionSource<StoredReport> Stored { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
