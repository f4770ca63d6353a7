using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>Says in sentences why a service does not start, where its settings or the machine are the cause rather than a bug.</summary>
public static partial class StartProblems
{
    private const string HowToListenElsewhere = "Set another address in ASPNETCORE_URLS, such as http://127.0.0.1:8081.";

    /// <summary>Parts of the framework that read settings; what they throw while a service starts is about a setting.</summary>
    private static readonly string[] SettingReaders =
        ["Microsoft.AspNetCore.Server.Kestrel", "Microsoft.Extensions.Configuration", "Microsoft.Extensions.Logging.Configuration"];

    /// <param name="howToListenElsewhere">Follows where an address is in use.</param>
    /// <returns>A sentence for each problem; null for anything unforeseen, whose stack trace is wanted.</returns>
    public static IReadOnlyList<string>? Of(Exception exception, string howToListenElsewhere = HowToListenElsewhere) => exception switch
    {
        OptionsValidationException invalid => [.. invalid.Failures.Select(WithVariable)],
        AggregateException several when several.InnerExceptions.All(inner => inner is OptionsValidationException) =>
            [.. several.InnerExceptions.SelectMany(inner => Of(inner)!).Distinct()],
        IOException when exception.Message.StartsWith("Failed to bind", StringComparison.Ordinal) => [$"{exception.Message.TrimEnd('.')}. {howToListenElsewhere}"],
        SocketException socket => [$"The service cannot listen where it is told to: {socket.Message.TrimEnd('.')}. {howToListenElsewhere}"],
        FormatException when exception.Message.StartsWith("Invalid url", StringComparison.Ordinal) => [$"{exception.Message.TrimEnd('.')}. {howToListenElsewhere}"],
        _ when Array.Exists(SettingReaders, reader => exception.Source?.StartsWith(reader, StringComparison.Ordinal) == true) =>
            [$"{(exception.Source!.Contains("Logging") ? "Logging:LogLevel cannot be read. " : "")}{exception.Message} {exception.InnerException?.Message}".ReplaceLineEndings(" ").Trim()],
        _ => null,
    };

    /// <summary>Adds how the key that a sentence begins with is written in the environment, where the sentence does not say so itself.</summary>
    private static string WithVariable(string sentence) =>
        !sentence.Contains("__") && Key().Match(sentence) is { Success: true } key ? $"{sentence} (In the environment: {key.Value.Replace(":", "__")}.)" : sentence;

    [GeneratedRegex(@"^\w+(:[\w-]+)+")]
    private static partial Regex Key();
}
