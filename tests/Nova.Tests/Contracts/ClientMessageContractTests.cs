using System.Text;
using System.Text.Json.Nodes;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Tests.Contracts;

/// <summary>What the contract says that viewers may send is what the gateway takes.</summary>
public sealed class ClientMessageContractTests
{
    private static readonly AsyncApiDocument Document = AsyncApiDocument.Instance;

    public static TheoryData<string> Received => [.. Document.Received];

    /// <summary>Event, member: each string with a greatest length that the parser looks at. A token's is the validator's.</summary>
    public static TheoryData<string, string> Texts =>
        [.. Document.Received.SelectMany(name => Document.Messages[name].Members.Where(member => member.Value["maxLength"] is not null).Select(member => (name, member.Key)))
            .Where(text => text != (EventNames.RefreshToken, "token"))];

    [Theory]
    [MemberData(nameof(Received))]
    public void Example_IsAccepted(string eventName) => Assert.All(
        Document.Messages[eventName].Examples, example => Assert.IsNotType<ClientMessage.Invalid>(Parse(example)));

    [Theory]
    [MemberData(nameof(Received))]
    public void RequiredMember_IsDemanded_AndNoOther(string eventName)
    {
        var message = Document.Messages[eventName];
        foreach (var name in message.Members.Keys)
        {
            var without = message.Examples[0].DeepClone();
            without["data"]!.AsObject().Remove(name);
            Assert.Equal(message.Required.Contains(name), Parse(without) is ClientMessage.Invalid { Fatal: true });
        }

        var withoutData = message.Examples[0].DeepClone().AsObject();
        withoutData.Remove("data");
        Assert.Equal(message.Payload["required"]!.AsArray().Any(name => (string)name! == "data"), Parse(withoutData) is ClientMessage.Invalid { Fatal: true });
    }

    [Theory]
    [InlineData("issue_type", typeof(IssueType))]
    [InlineData("severity", typeof(IssueSeverity))]
    public void EveryValue_IsAccepted_AndNoOther(string member, Type values)
    {
        var message = Document.Messages[EventNames.ReportIssue];
        var names = message.Members[member]["enum"]!.AsArray().Select(value => (string)value!).ToList();
        Assert.Equal(Enum.GetNames(values).Length, names.Count);
        Assert.All(names, name => Assert.IsType<ClientMessage.ReportIssue>(Parse(With(message, member, name))));
        Assert.False(Assert.IsType<ClientMessage.Invalid>(Parse(With(message, member, names[0].ToUpperInvariant()))).Fatal);
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void Text_MayBeAsLongAsTheContractSays_AndNoLonger(string eventName, string member)
    {
        var message = Document.Messages[eventName];
        var longest = (int)message.Members[member]["maxLength"]!;
        Assert.IsNotType<ClientMessage.Invalid>(Parse(With(message, member, new string('x', longest))));
        Assert.IsType<ClientMessage.Invalid>(Parse(With(message, member, new string('x', longest + 1))));
        Assert.NotEmpty(AsyncApiTests.Validate(eventName, With(message, member, new string('x', longest + 1))));
    }

    [Fact]
    public void ReportsLimits_AreThoseOfTheProtocol()
    {
        var members = Document.Messages[EventNames.ReportIssue].Members;
        Assert.Equal(Limits.DescriptionBytes, (int)members["description"]["x-nova-max-bytes"]!);
        Assert.Equal(Limits.ClientInfoBytes, (int)members["client_info"]["x-nova-max-bytes"]!);
        Assert.Equal(Limits.ClientInfoDepth, (int)members["client_info"]["x-nova-max-depth"]!);
    }

    [Fact]
    public void NullMember_IsAsGoodAsNone()
    {
        var message = Document.Messages[EventNames.ReportIssue];
        foreach (var name in message.Members.Keys.Except(message.Required))
        {
            Assert.IsType<ClientMessage.ReportIssue>(Parse(With(message, name, null)));
            Assert.Empty(AsyncApiTests.Validate(EventNames.ReportIssue, With(message, name, null)));
        }
    }

    private static JsonNode With(AsyncApiMessage message, string member, string? value)
    {
        var changed = message.Examples[0].DeepClone();
        changed["data"]![member] = value;
        return changed;
    }

    private static ClientMessage Parse(JsonNode message) => ClientMessageParser.Parse(Encoding.UTF8.GetBytes(message.ToJsonString()));
}
