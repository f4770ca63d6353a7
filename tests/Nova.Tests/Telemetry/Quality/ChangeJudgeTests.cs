using Nova.Protocol;
using Nova.Telemetry.Quality;

namespace Nova.Tests.Telemetry.Quality;

/// <summary>What is called harmful, and what does not fool the judgement.</summary>
public sealed class ChangeJudgeTests
{
    [Fact]
    public void SixTimesTheReports_IsHarmful_WithItsLift_AndASentence()
    {
        var judged = Assert.Single(new ScriptedStream().Audience(-10, 412).Quality(120, "1080p", "720p")
            .Report(0, 120, 7).Report(120, 240, 42).Judge(0, 240));
        Assert.Equal(Verdict.Harmful, judged.Verdict);
        var lift = judged.Lifts[0];
        Assert.Equal(IssueType.Buffering, lift.IssueType);
        Assert.InRange(lift.Ratio!.Value, 6 * 0.8, 6 * 1.2);
        Assert.InRange(lift.Low, 1, 6);
        Assert.InRange(lift.High!.Value, 6, 20);
        Assert.StartsWith("After 1080p → 720p at 10:40:15, buffering reports rose 6.0-fold (2.7–", judged.Summary, StringComparison.Ordinal);
        Assert.EndsWith("42 of 412 viewers.", judged.Summary, StringComparison.Ordinal);
    }

    /// <summary>Half of the audience leaves at the change, and those who stay report as before.</summary>
    [Fact]
    public void HalfTheAudienceLeaves_IsNoEffect()
    {
        var judged = Assert.Single(new ScriptedStream().Audience(-10, 1000).Audience(120, 500).Quality(120, "1080p", "720p")
            .Report(0, 120, 40).Report(120, 240, 20).Judge(0, 240));
        Assert.Equal((Verdict.NoEffect, 1.0), (judged.Verdict, judged.Lifts[0].Ratio!.Value));
    }

    /// <summary>As many report as before, but of half the audience: that is twice as many.</summary>
    [Fact]
    public void HalfTheAudienceLeaves_AndAsManyReport_IsHarmful()
    {
        var judged = Assert.Single(new ScriptedStream().Audience(-10, 1000).Audience(120, 500).Quality(120, "1080p", "720p")
            .Report(0, 120, 60).Report(120, 240, 60).Judge(0, 240));
        Assert.Equal((Verdict.Harmful, 2.0), (judged.Verdict, judged.Lifts[0].Ratio!.Value));
    }

    [Fact]
    public void BurstOfOneViewer_IsOneViewer()
    {
        var judged = Assert.Single(new ScriptedStream().Audience(-10, 400).Quality(120, "1080p", "720p")
            .Report(0, 120, 3).Report(120, 240, 3).Burst(120, 200, 300).Judge(0, 240));
        Assert.Equal((Verdict.NoEffect, 4), (judged.Verdict, judged.Lifts[0].ViewersAfter));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnotherChangeTenSecondsLater_OnlyTheOneThatHurts_IsNamed(bool firstHurts)
    {
        var script = new ScriptedStream().Audience(-10, 2000).Quality(120, "1080p", "720p").Error(130, "ENCODER_OVERLOADED");
        var judged = (firstHurts
            ? script.Report(0, 120, 120).Report(120, 130, 80).Report(130, 240, 900)
            : script.Report(0, 130, 130).Report(130, 240, 900)).Judge(0, 240);
        Assert.Equal([firstHurts ? Verdict.Harmful : Verdict.NoEffect, firstHurts ? Verdict.NoEffect : Verdict.Harmful], judged.Select(change => change.Verdict));
        Assert.All(judged, change => Assert.Equal(10, change.WindowSeconds));
    }

    [Fact]
    public void AnotherChangeTwoSecondsLater_IsNotJudged()
    {
        var judged = new ScriptedStream().Audience(-10, 500).Quality(120, "1080p", "720p").Quality(122, "720p", "1080p").Report(120, 240, 50).Judge(0, 240);
        Assert.All(judged, change => Assert.Equal(Verdict.NotJudged, change.Verdict));
    }

    /// <summary>A lower quality has a lower maximum, so the health changes as well: the quality is what happened.</summary>
    [Fact]
    public void HealthThatChangesNearAChange_IsNoChangeOfItsOwn()
    {
        var script = new ScriptedStream().Health(0, 400, StreamHealth.Excellent).Health(117, 400, StreamHealth.Good).Quality(120, "1080p", "720p").Health(125, 400, StreamHealth.Fair)
            .Health(200, 400, StreamHealth.Poor);
        Assert.Equal(
            [(EventNames.QualityChanged, "1080p → 720p"), (StreamHistory.BitrateHealth, "bitrate health fair → poor")],
            script.History(0, 300).Changes.Select(change => (change.Kind, change.Description)));
    }

    [Fact]
    public void FewerReports_IsHelpful()
    {
        var judged = Assert.Single(new ScriptedStream().Audience(-10, 400).Quality(120, "4k", "1080p").Report(0, 120, 60).Report(120, 240, 10).Judge(0, 240));
        Assert.Equal(Verdict.Helpful, judged.Verdict);
        Assert.Contains("fell to 0.17 times what they were", judged.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void NobodyWatched_IsNotJudged() =>
        Assert.Equal(Verdict.NotJudged, Assert.Single(new ScriptedStream().Audience(0, 0).Quality(120, "4k", "1080p").Judge(0, 240)).Verdict);

    [Fact]
    public void TwoHundredStreamsOnWhichNothingHappens_AtMostFivePercent_AreCalledHarmful() =>
        AssertFewAlarms(script => script.Judge(0, 900).Any(change => change.Verdict == Verdict.Harmful));

    /// <summary>The watch looks every 10 s while they go on.</summary>
    [Fact]
    public void TwoHundredStreamsOnWhichNothingHappens_AtMostFivePercent_GetAnAlert() =>
        AssertFewAlarms(script => Enumerable.Range(1, 90).Any(round => IsAlarmed(script, 10 * round)));

    /// <summary>As the watch does: the last four minutes, if anything changed in the last two.</summary>
    private static bool IsAlarmed(ScriptedStream script, double now)
    {
        const double Lookback = 240;
        var history = script.History(now - Lookback, now);
        return history.Changes.Any(change => change.At > ScriptedStream.At(now - (Lookback / 2)))
            && QualityWatch.Findings(history, [.. script.Reports.Where(report => report.At >= ScriptedStream.At(now - Lookback) && report.At < ScriptedStream.At(now))]).Any();
    }

    /// <summary>Streams of any size whose viewers report at a steady rate of each type, with one to four changes that do nothing.</summary>
    private static void AssertFewAlarms(Func<ScriptedStream, bool> isAlarmed)
    {
        const int Streams = 200;
        var random = new Random(20261127);
        var alarms = 0;
        for (var stream = 0; stream < Streams; stream++)
        {
            var viewers = (int)Math.Pow(10, 1 + (2 * random.NextDouble()));
            var script = new ScriptedStream(stream).Audience(-1, viewers);
            foreach (var type in Enum.GetValues<IssueType>())
            {
                script.ReportAtRandom(0, 900, viewers, 0.002 + (0.05 * random.NextDouble()), type);
            }

            for (var change = random.Next(1, 5); change > 0; change--)
            {
                script.Quality((change * 180) + (60 * random.NextDouble()), "1080p", "720p");
            }

            alarms += isAlarmed(script) ? 1 : 0;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{alarms} of {Streams} streams on which nothing happens.");
        Assert.True(alarms <= Streams * 0.05, $"{alarms} of {Streams} streams are called harmed.");
    }

    /// <summary>An audience that cannot be told from one of another size by its reports: the exposure is of each moment.</summary>
    [Fact]
    public void ViewerSeconds_AreOfEachMoment()
    {
        var history = new ScriptedStream().Audience(-100, 10).Audience(10, 20).Audience(20, 0).History(0, 100);
        Assert.Equal((10 * 10) + (10 * 20), history.Audience.ViewerSeconds(ScriptedStream.At(0), ScriptedStream.At(100)));
        Assert.Equal((5 * 10) + (5 * 20), history.Audience.ViewerSeconds(ScriptedStream.At(5), ScriptedStream.At(15)));
        Assert.Equal(0, history.Audience.ViewerSeconds(ScriptedStream.At(20), ScriptedStream.At(100)));
    }
}
