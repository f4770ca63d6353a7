using System.Collections.Frozen;

namespace Nova.Cli.Simulation;

/// <param name="Key">On the keyboard.</param>
/// <param name="Description">What happens to viewers.</param>
internal sealed record FaultKind(string Name, char Key, string Description);

/// <summary>One fault, as a key, a script's step or a request asks for it.</summary>
/// <param name="For">How long, for faults that last; what is given in <see cref="Faults"/> otherwise.</param>
/// <param name="Code">With <c>close</c>.</param>
/// <param name="Delay">With <c>latency</c>, each way.</param>
internal sealed record Fault(string Name, TimeSpan? For = null, int? Code = null, string? Reason = null, TimeSpan? Delay = null);

internal static class Faults
{
    public static readonly IReadOnlyList<FaultKind> All =
    [
        new("expire", 'e', "every viewer's token expires: error UNAUTHORIZED, close 4401; and the next connection without a new token is refused with 401"),
        new("kick", 'k', "every viewer is kicked by the publisher's API: close 4403, and 403 for 10 s"),
        new("drain", 'd', "the gateway drains: close 1001 with retry_after_ms, and 503 for 2 s"),
        new("drop", 'm', "counts, qualities and bitrates are held back for 5 s, then error MESSAGES_DROPPED and the newest ones"),
        new("capacity", 'c', "the gateway is full: new viewers get 503 for 10 s"),
        new("silence", 's', "no byte passes in either direction for 60 s, and nothing is closed"),
        new("latency", 'l', "500 ms each way for 30 s"),
        new("cut", 'r', "every connection breaks without a close frame (1006)"),
        new("away", 'a', "every connection breaks, and nobody answers for 5 s"),
        new("close", 'x', "every viewer is closed with 1011, or the code that is asked for"),
        new("end", 'q', "the demo's broadcast ends; a new one begins"),
    ];

    public static readonly FrozenDictionary<string, FaultKind> ByName = All.ToFrozenDictionary(kind => kind.Name);
}
