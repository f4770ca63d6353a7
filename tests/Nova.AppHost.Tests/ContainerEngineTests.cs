using System.Diagnostics;

namespace Nova.AppHost.Tests;

/// <summary>Whether an engine answers, with programs that stand for one that runs, one whose daemon is away, and one that hangs.</summary>
public sealed class ContainerEngineTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nova-engines-");

    public ContainerEngineTests() => Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "The programs are shell scripts.");

    [Fact]
    public void Ask_WhereOneAnswers_NamesIt()
    {
        var answer = ContainerEngine.Ask(Program("away", "exit 1"), Program("runs", "exit 0"));
        Assert.True(answer.Answers);
        Assert.Contains("runs' answers", answer.Sentence);
    }

    [Fact]
    public void Ask_WhereNoneAnswers_SaysOfEachWhy_WithinTwoSecondsAndABit()
    {
        var started = Stopwatch.GetTimestamp();
        var answer = ContainerEngine.Ask(Program("away", "exit 1"), Program("hangs", "sleep 60"), Path.Combine(_folder.FullName, "missing"));
        Assert.False(answer.Answers);
        Assert.Contains("away' is installed, but its engine does not run", answer.Sentence);
        Assert.Contains("hangs' did not answer in 2 s", answer.Sentence);
        Assert.Contains("missing' is not installed", answer.Sentence);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 1.9, 6); // 2 s, and what a busy machine adds.
    }

    [Fact]
    public void Ask_ProgramThatPrintsMuch_IsNoReasonToHang() => Assert.True(ContainerEngine.Ask(Program("chatty", "yes | head -c 1000000; exit 0")).Answers);

    public void Dispose() => _folder.Delete(recursive: true);

    private string Program(string name, string script)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        Debug.Assert(!OperatingSystem.IsWindows(), "The tests are skipped there.");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
