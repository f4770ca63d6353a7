using System.Text.RegularExpressions;
using Nova.Client;
using Nova.Client.Viewing;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary>When <see cref="NovaViewer"/> comes back: the tables of docs/protocol.md.</summary>
public sealed partial class VerdictTests
{
    [Fact]
    public void EachCloseCode_OfTheProtocolsPage_IsObeyed()
    {
        var rows = CloseCodeRow().Matches(File.ReadAllText(Path.Combine(Tools.Root, "docs", "protocol.md")));
        Assert.InRange(rows.Count, 12, 20);
        foreach (Match row in rows)
        {
            var code = int.Parse(row.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal((code, ComesBack().IsMatch(row.Groups[2].Value)), (code, Verdict.OfClose(code, "").Closed is null));
        }
    }

    [Theory]
    [InlineData(1001, "drain retry_after_ms=2345", 2345)]
    [InlineData(1013, "fell behind, retry_after_ms=1500", 1500)]
    [InlineData(1008, "too many messages", 30_000)]
    [InlineData(1012, "a proxy's code", 0)]
    [InlineData(null, null, 0)]
    public void WhatNovaSays_IsWaitedFor(int? code, string? reason, int waitMs) => Assert.Equal(TimeSpan.FromMilliseconds(waitMs), Verdict.OfClose(code, reason).RetryAfter);

    [Theory]
    [InlineData(400, true, false)]
    [InlineData(403, true, false)]
    [InlineData(404, true, false)]
    [InlineData(401, true, true)]
    [InlineData(426, true, true)]
    [InlineData(429, true, true)]
    [InlineData(503, true, true)]
    [InlineData(404, false, true)] // A proxy's own page: its Nova is being replaced.
    [InlineData(403, false, true)]
    public void Refusal_IsTriedAgain_WhereThatMayHelp(int status, bool isOfNova, bool comesBack) =>
        Assert.Equal(comesBack, Verdict.OfRefusal(status, "no", TimeSpan.Zero, isOfNova).Closed is null);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 8)]
    [InlineData(50, 30)]
    public void Backoff_IsSpread_FromNothingToItsBound(int attempt, int bound)
    {
        var waits = Enumerable.Range(0, 2000).Select(_ => Verdict.Backoff(attempt).TotalSeconds).ToList();
        Assert.InRange(waits.Max(), bound * 0.9, bound);
        Assert.InRange(waits.Count(wait => wait < bound / 4.0), 350, 650); // A quarter of them, give or take.
        Assert.InRange(waits.Count(wait => wait > bound * 0.75), 350, 650);
    }

    [GeneratedRegex(@"^\| (\d{4}) \| .* \| ([^|]+) \|$", RegexOptions.Multiline)]
    private static partial Regex CloseCodeRow();

    [GeneratedRegex("^(yes|after|with a new token)")]
    private static partial Regex ComesBack();
}
