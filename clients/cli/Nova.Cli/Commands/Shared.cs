using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Nova.Protocol;

namespace Nova.Cli.Commands;

/// <summary>Arguments that several commands take, read in one way.</summary>
internal static class Shared
{
    public static Argument<Guid> StreamId() => new("stream") { Description = "The stream's id, a UUID", CustomParser = result => ReadId(result, "stream") };

    public static Guid ReadId(SymbolResult result, string name)
    {
        var text = result.Tokens[0].Value;
        if (Guid.TryParse(text, out var id))
        {
            return id;
        }

        result.AddError($"{name} must be a UUID, but is '{text}'.");
        return default;
    }

    /// <summary>An option or argument with the protocol's own names for its values, which completion offers.</summary>
    public static Option<T> Choice<T>(string name, string description, T value)
        where T : struct, Enum => new(name)
        {
            Description = $"{description}: {WireNames<T>.Choices}",
            CustomParser = result => ReadChoice<T>(result, name),
            DefaultValueFactory = _ => value,
            CompletionSources = { _ => WireNames<T>.Choices.Split(", ").Select(choice => new System.CommandLine.Completions.CompletionItem(choice)) },
        };

    public static T ReadChoice<T>(SymbolResult result, string name)
        where T : struct, Enum
    {
        if (WireNames<T>.TryParse(result.Tokens[0].Value, out var value))
        {
            return value;
        }

        result.AddError($"{name} must be one of {WireNames<T>.Choices}, but is '{result.Tokens[0].Value}'.");
        return default;
    }

    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            if (TryReadDuration(result.Tokens[0].Value, out var time))
            {
                return time;
            }

            result.AddError($"{name} must be a time such as 500ms, 30s, 10m, 2h or 7d, but is '{result.Tokens[0].Value}'.");
            return null;
        },
    };

    public static bool TryReadDuration(string text, out TimeSpan time)
    {
        var digits = text.TrimEnd('a', 'd', 'h', 'm', 's');
        time = default;
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number > 1e6)
        {
            return false;
        }

        TimeSpan? read = text[digits.Length..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "m" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            "d" => TimeSpan.FromDays(number),
            _ => null,
        };
        time = read ?? default;
        return read is not null;
    }
}
