using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>What the documents say of files, metrics, settings and commands is so.</summary>
public sealed class DocumentTests(NovaFixture nova)
{
    private static void AssertInAll(Func<Document, IEnumerable<string>> check)
    {
        var wrong = Document.All.SelectMany(check).Distinct().ToList();
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Links_LeadSomewhere() => AssertInAll(DocumentChecks.DeadLinks);

    [Fact]
    public void Paths_Exist() => AssertInAll(DocumentChecks.MissingPaths);

    [Fact]
    public void Instruments_Exist()
    {
        Assert.NotNull(nova.Stack.Telemetry); // Started, so that all of its instruments are there.
        var (names, prometheusNames) = Instruments.Emitted();
        AssertInAll(document => DocumentChecks.UnknownInstruments(document, names, prometheusNames));
    }

    [Fact]
    public void Keys_Exist() => AssertInAll(DocumentChecks.UnknownKeys);

    [Fact]
    public void Defaults_AreTheOptions() => AssertInAll(DocumentChecks.WrongDefaults);

    [Fact]
    public void Flags_Exist() => AssertInAll(DocumentChecks.UnknownFlags);

    [Fact]
    public void TestFilters_NameTests() => AssertInAll(DocumentChecks.UnknownFilters);

    /// <summary>Each check finds a mistake of its kind, and only that.</summary>
    [Fact]
    public void Checks_FindMistakes()
    {
        var document = Document.Of(
            """
            # A heading, with `code`
            [right](#a-heading-with-code), [right](runbook.md), [wrong](#no-heading), [wrong](no-file.md), [elsewhere](https://example.org/x.md).
            `Nova.Gateway/Program.cs` and `Program.cs` are there, `Nova.Gateway/Nowhere.cs` is not. `nova.gateway.connections` is, `nova.gateway.nothing` is not.
            `Gateway:DrainDelay` (5 s) and `Gateway__DrainWave` are right, `Gateway:Nothing` is not, `Gateway:StallTimeout` (3 min) is not.

            | Key | Default |
            |---|---|
            | `Gateway:MaxConnections` | 50,000 |
            | `Gateway:IssueQueue` | 9 |

            ```sh
            dotnet run --project Nova.Standalone -- --port 0 --nothing # --comment
            dotnet test tests/Nova.Tests --filter DocumentTests
            dotnet test tests/Nova.Tests --filter NothingTests
            dotnet run -c Release --project bench/Nova.LoadTest -- run W99 --rate 1
            ```
            """);
        var (names, prometheusNames) = (new HashSet<string> { "nova.gateway.connections" }, new HashSet<string>());
        Assert.Equal(["docs/made-up.md: #no-heading leads to no heading", "docs/made-up.md: no-file.md leads to no file"], DocumentChecks.DeadLinks(document));
        Assert.Equal(["docs/made-up.md: `Nova.Gateway/Nowhere.cs` is no file or folder of this repository"], DocumentChecks.MissingPaths(document));
        Assert.Equal(["docs/made-up.md: nova.gateway.nothing is no instrument of Nova's"], DocumentChecks.UnknownInstruments(document, names, prometheusNames));
        Assert.Equal(["docs/made-up.md: Gateway:Nothing is no configuration key"], DocumentChecks.UnknownKeys(document));
        Assert.Equal(
            ["docs/made-up.md: Gateway:IssueQueue is not 9 by default, but 10,000", "docs/made-up.md: Gateway:StallTimeout is not 3 min by default, but 2 min"],
            DocumentChecks.WrongDefaults(document));
        Assert.Equal(
            ["docs/made-up.md: Nova.Standalone has no option --nothing", "docs/made-up.md: there is no workload W99"], DocumentChecks.UnknownFlags(document));
        Assert.Equal(["docs/made-up.md: no test is called NothingTests"], DocumentChecks.UnknownFilters(document));
    }
}
