using System.Collections.Concurrent;
using System.Text.Json;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>docs/asyncapi.yaml, as the judge of the frames that a test gets: one that it does not allow fails the test.</summary>
internal static class SocketContract
{
    /// <summary>So many of an event are judged, then one in <see cref="Sample"/>: the thousands of counts of a flood come from one line, and each costs 90 µs.</summary>
    private const int All = 500;

    private const int Sample = 50;

    private static readonly ConcurrentDictionary<string, int> Seen = [];

    public static void Check(Frame frame, JsonElement envelope)
    {
        var number = Seen.AddOrUpdate(frame.Event, 1, (_, before) => before + 1);
        if (number > All && number % Sample != 0 && frame.Event != Nova.Protocol.EventNames.Error) // Errors are made in many places.
        {
            return;
        }

        var errors = AsyncApiDocument.Instance.Validate(frame.Event, envelope);
        Assert.True(errors.Count == 0, $"docs/asyncapi.yaml does not allow {frame.Raw}:\n{string.Join('\n', errors)}");
        ContractCoverage.Saw(frame.Event, frame.Data);
    }
}
