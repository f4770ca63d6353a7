using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.2: the form of every message.</summary>
public sealed class EnvelopeRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R10_EveryServerMessage_IsOneJsonObjectWithEventAndData()
    {
        for (var gateway = 0; gateway < Api.Gateways.Count; gateway++)
        {
            foreach (var frame in await EventfulBroadcast.RecordAsync(Api, gateway))
            {
                Assert.Equal(RawFrame.Text, frame.Opcode); // Its UTF-8 was checked as it was read.
                using var message = JsonDocument.Parse(frame.Payload); // Throws on trailing bytes.
                Assert.Equal(JsonValueKind.Object, message.RootElement.ValueKind);
                Assert.Equal(JsonValueKind.String, message.RootElement.GetProperty("event").ValueKind);
                Assert.Equal(JsonValueKind.Object, message.RootElement.GetProperty("data").ValueKind);
            }
        }
    }

    [Fact]
    public async Task R11_EveryServerMessage_HasTheDocumentsNamesAndTypes()
    {
        for (var gateway = 0; gateway < Api.Gateways.Count; gateway++)
        {
            var frames = await EventfulBroadcast.RecordAsync(Api, gateway);
            Assert.Equal(
                MessageSchema.Events.Except([EventNames.Ping]).Order(), // A ping takes half a minute: see EnvelopeOfPingRuleTests.
                frames.Select(frame => frame.AsMessage().Event).Distinct().Intersect(MessageSchema.Events).Order());
            Assert.All(frames, frame => Assert.Empty(MessageSchema.Violations(frame.AsText)));
        }
    }

    [Fact]
    public async Task R12_ClientMessage_InTheSameEnvelope_IsAcceptedInEveryFormOfIt()
    {
        var stream = await Api.StartStreamAsync();
        for (var gateway = 0; gateway < Api.Gateways.Count; gateway++)
        {
            await using var viewer = await stream.WatchAsync(gateway);
            foreach (var message in new[]
            {
                """{"event":"get_stream_info","data":{"request_id":"plain"}}""",
                """{"data":{"request_id":"swapped"},"event":"get_stream_info"}""",
                "\r\n\t { \"event\" :\n \"get_stream_info\" , \"data\" : {\t\"request_id\" : \"spaced\" } }\n ",
                """{"v":[2,{"event":"no"}],"event":"get_stream_info","data":{"x":{"request_id":"no"},"request_id":"unknown members"},"id":null}""",
            })
            {
                await viewer.SendAsync(message);
            }

            foreach (var id in new[] { "plain", "swapped", "spaced", "unknown members" })
            {
                await viewer.WaitForAsync(EventNames.StreamInfo, data => data.GetProperty("request_id").GetString() == id);
            }

            Assert.DoesNotContain(EventNames.Error, viewer.Events);
        }
    }
}

/// <summary>R10 and R11 of the one event that comes by itself only after 30 s.</summary>
public sealed class EnvelopeOfPingRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R11_Ping_HasTheDocumentsNamesAndTypes()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var ping = await viewer.WaitForAsync(EventNames.Ping, within: TimeSpan.FromSeconds(45));
        Assert.Empty(MessageSchema.Violations(ping.Raw));
    }
}
