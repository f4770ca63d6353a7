using System.Text.Json.Nodes;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Ways to break a rule.</summary>
internal static class Sabotages
{
    /// <summary>Changes every such event's data.</summary>
    public static Sabotage Change(string name, Action<JsonObject> change) => ChangeNth(name, 1, int.MaxValue, change);

    /// <summary>Changes the data of a connection's second such event and of no other.</summary>
    public static Sabotage ChangeSecond(string name, Action<JsonObject> change) => ChangeNth(name, 2, 2, change);

    public static Sabotage Set(string name, string member, JsonNode? value) => Change(name, data => data[member] = value?.DeepClone());

    public static Sabotage SetText(string name, string member, Func<string, string> change) =>
        Change(name, data => data[member] = change(data[member]!.GetValue<string>()));

    public static Sabotage Remove(string name, string member) => Change(name, data => data.Remove(member));

    public static Sabotage Add(string name, string member, int more) => Change(name, data => data[member] = data[member]!.GetValue<int>() + more);

    public static Sabotage Drop(string name) => OnEvent(name, (_, _) => Task.CompletedTask);

    public static Sabotage Repeat(string name) => OnEvent(name, async (message, send) =>
    {
        await send(message);
        await send(message);
    });

    /// <summary>Everything behind it waits too, as behind a slow server.</summary>
    public static Sabotage Delay(string name, int milliseconds) => OnEvent(name, async (message, send) =>
    {
        await Task.Delay(milliseconds);
        await send(message);
    });

    public static Sabotage InsertBefore(string name, string inserted) => OnEvent(name, async (message, send) =>
    {
        await send(inserted);
        await send(message);
    });

    public static Sabotage InsertAfter(string name, string inserted) => OnEvent(name, async (message, send) =>
    {
        await send(message);
        await send(inserted);
    });

    /// <summary>Sends each pair of such events the later one first.</summary>
    public static Sabotage Swap(string name) => new()
    {
        Messages = () =>
        {
            string? held = null;
            return async (message, send) =>
            {
                if (EventOf(message) != name)
                {
                    await send(message);
                }
                else if (held is null)
                {
                    held = message;
                }
                else
                {
                    await send(message);
                    await send(held);
                    held = null;
                }
            };
        },
    };

    /// <summary>Changes the text of every such event's message.</summary>
    public static Sabotage Rewrite(string name, Func<string, string> rewrite) => OnEvent(name, (message, send) => send(rewrite(message)));

    /// <summary>Answers one status of a WebSocket's request as another.</summary>
    public static Sabotage Status(int from, int to) => HeadOf("/ws?", head => head.Replace($"HTTP/1.1 {from} ", $"HTTP/1.1 {to} "));

    /// <summary>The publisher's call is refused by no status, whatever is done about it.</summary>
    public static Sabotage Accept(string call) => HeadOf($"/{call} ", head => head.Replace("HTTP/1.1 400 ", "HTTP/1.1 200 "));

    public static Sabotage HeadOf(string target, Func<string, string> change) =>
        new() { Head = (request, head) => request.Contains(target, StringComparison.Ordinal) ? change(head) : head };

    public static string EventOf(string message) => JsonNode.Parse(message)!["event"]!.GetValue<string>();

    private static Sabotage ChangeNth(string name, int first, int last, Action<JsonObject> change) => new()
    {
        Messages = () =>
        {
            var seen = 0;
            return (message, send) =>
            {
                if (EventOf(message) != name || ++seen < first || seen > last)
                {
                    return send(message);
                }

                var root = JsonNode.Parse(message)!;
                change(root["data"]!.AsObject());
                return send(root.ToJsonString());
            };
        },
    };

    public static Sabotage OnEvent(string name, MessageSabotage sabotage) =>
        new() { Messages = () => (message, send) => EventOf(message) == name ? sabotage(message, send) : send(message) };
}
