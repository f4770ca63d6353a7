using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Nova.Gateway.Viewers;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary><c>docs/protocol.md</c> shows messages that keep the contract, and its tables have the contract's rows.</summary>
public sealed partial class ProtocolPageTests
{
    private static readonly AsyncApiDocument Document = AsyncApiDocument.Instance;

    private static readonly string Page = File.ReadAllText(Path.Combine(Tools.Root, "docs", "protocol.md"));

    /// <summary>Every block of JSON that is a message.</summary>
    public static TheoryData<string> Messages => [.. JsonBlock().Matches(Page).Select(block => block.Groups[1].Value).Where(text => text.Contains("\"event\"", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Message_KeepsTheContract(string text)
    {
        var envelope = JsonElement.Parse(text);
        var name = envelope.GetProperty("event").GetString()!;
        Assert.Empty(Document.Validate(name, envelope));
        if (Document.Received.Contains(name))
        {
            Assert.IsNotType<ClientMessage.Invalid>(ClientMessageParser.Parse(Encoding.UTF8.GetBytes(text)));
        }
    }

    [Fact]
    public void EveryEvent_HasAnExampleAndAHeading()
    {
        var shown = Messages.Select(row => JsonElement.Parse(row.Data).GetProperty("event").GetString()!).Distinct();
        Assert.Equivalent(Document.Messages.Keys, shown, strict: true);
        Assert.All(Document.Messages.Keys, name => Assert.Contains($"\n### {name}\n", Page));
    }

    [Fact]
    public void CloseCodes_AreThoseOfTheContract() => Assert.Equal(
        Document.Channel["x-nova-close-codes"]!.AsArray().Select(row => (int)row!["code"]!),
        CloseCodeRow().Matches(Section("Close codes")).Select(row => int.Parse(row.Groups[1].Value)));

    [Fact]
    public void Errors_AreThoseOfTheContract() => Assert.Equal(
        Document.Channel["x-nova-error-codes"]!["errors"]!.AsArray().Select(row => (
            (string)row!["error_code"]!, (string?)row["severity"] ?? "as the tool says",
            row["recoverable"] is { } recoverable ? (bool)recoverable ? "yes" : "no" : "as the tool says", (string)row["sender"]!)),
        ErrorRow().Matches(Section("Errors on the socket")).Select(row => (row.Groups[1].Value, row.Groups[2].Value, row.Groups[3].Value, row.Groups[4].Value)));

    [Fact]
    public void Values_AreThoseOfTheContract()
    {
        var ofMessages = Document.Messages.Values.SelectMany(message => message.Members.Values).Where(schema => schema["enum"] is not null)
            .Select(schema => string.Join(' ', schema["enum"]!.AsArray().Select(value => $"`{(string)value!}`"))).Distinct();
        Assert.Equivalent(ofMessages, ValuesRow().Matches(Section("Values")).Select(row => row.Groups[1].Value), strict: true);
    }

    [Fact]
    public void Refusals_NameEveryReasonOfATokens()
    {
        var reasons = Document.Channel["x-nova-handshake"]!["refusals"]!.AsArray()
            .Where(row => (int)row!["status"]! == 401).Select(row => (string)row!["reason"]!);
        Assert.All(reasons, reason => Assert.Contains($"`{reason}`", Section("Before the upgrade, and over REST")));
    }

    [Fact]
    public void Links_WithinThePage_LeadToAHeading()
    {
        var headings = Heading().Matches(Page).Select(heading => Slug(heading.Groups[1].Value)).Append("errors").ToHashSet();
        Assert.All(OwnLink().Matches(Page).Select(link => link.Groups[1].Value), target => Assert.Contains(target, headings));
    }

    private static string Section(string heading) => Page.Split($"\n## {heading}\n")[1].Split("\n## ")[0];

    /// <summary>As GitHub makes them.</summary>
    private static string Slug(string heading) => NoSlug().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"```json\n(.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex JsonBlock();

    [GeneratedRegex(@"^\| (\d{4}) \|", RegexOptions.Multiline)]
    private static partial Regex CloseCodeRow();

    [GeneratedRegex(@"^\| `([A-Z_]+)` \| ([a-z ]+) \| ([a-z ]+) \| ([a-z]+) \|", RegexOptions.Multiline)]
    private static partial Regex ErrorRow();

    [GeneratedRegex(@"^\| .* \| (`[^|]*`) \|$", RegexOptions.Multiline)]
    private static partial Regex ValuesRow();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\]\(#([^)]+)\)")]
    private static partial Regex OwnLink();

    [GeneratedRegex(@"[^a-z0-9 _-]")]
    private static partial Regex NoSlug();
}
