using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Nova.Demo;
using Nova.Gateway;
using Nova.ServiceDefaults.Security;
using Nova.StreamState;
using Nova.Telemetry;

namespace Nova.Tests.Contracts;

/// <summary>A configuration key that an options class binds.</summary>
/// <param name="Key">As it is written in configuration; lists with their first index.</param>
/// <param name="Owner">The class that declares the property.</param>
/// <param name="Default">Its value where nothing is configured; null for none.</param>
/// <param name="Rule">What the validator demands of it, in the validator's words; null where it demands nothing by itself.</param>
internal sealed record OptionsKey(string Key, Type Owner, PropertyInfo Property, object? Default, string? Rule)
{
    public string Type => Property.PropertyType switch
    {
        var type when type == typeof(int) || type == typeof(long) => "whole number",
        var type when type == typeof(double) => "number",
        var type when type == typeof(TimeSpan) => "time",
        var type when type == typeof(bool) => "`true` or `false`",
        var type when type == typeof(Uri) => "address",
        var type when type == typeof(List<string>) => "list of texts",
        _ => "text",
    };
}

/// <summary>Every key of every options class, by reflection: a class with a public constant <c>Section</c> is one.</summary>
internal static partial class OptionsKeys
{
    private static readonly Assembly[] Assemblies =
    [
        typeof(GatewayOptions).Assembly, typeof(StreamStateOptions).Assembly, typeof(TelemetryOptions).Assembly,
        typeof(TokenOptions).Assembly, typeof(DemoOptions).Assembly,
    ];

    public static IReadOnlyList<Type> Classes { get; } =
        [.. Assemblies.SelectMany(assembly => assembly.GetTypes()).Where(type => SectionOf(type) is not null && type.GetConstructor([]) is not null)];

    public static IReadOnlyDictionary<string, OptionsKey> All { get; } = Classes.SelectMany(Of).ToDictionary(key => key.Key);

    public static IEnumerable<OptionsKey> Of(Type options) => Of(SectionOf(options)!, options, options);

    private static string? SectionOf(Type type) => type.GetField("Section", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() as string;

    private static IEnumerable<OptionsKey> Of(string prefix, Type type, Type options)
    {
        var values = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            var list = property.PropertyType is { IsGenericType: true } generic && generic.GetGenericTypeDefinition() == typeof(List<>)
                ? generic.GetGenericArguments()[0] : null;
            if (list is { IsClass: true } && list != typeof(string))
            {
                foreach (var inner in Of($"{prefix}:{property.Name}:0", list, options))
                {
                    yield return inner;
                }
            }
            else if (list is not null)
            {
                yield return new OptionsKey($"{prefix}:{property.Name}:0", type, property, null, null);
            }
            else if (property.CanWrite)
            {
                var rule = type == options ? RuleOf(prefix, options, property) : null;
                yield return new OptionsKey($"{prefix}:{property.Name}", type, property, property.GetValue(values), rule);
            }
        }
    }

    /// <summary>Gives the validator a value that cannot be right and reads from its sentence what would be.</summary>
    private static string? RuleOf(string section, Type options, PropertyInfo property)
    {
        object? wrong = property.PropertyType switch
        {
            var type when type == typeof(int) => -1,
            var type when type == typeof(long) => -1L,
            var type when type == typeof(double) => -1d,
            var type when type == typeof(TimeSpan) => TimeSpan.FromSeconds(-1),
            var type when type == typeof(string) => "?",
            _ => null,
        };
        var contract = typeof(IValidateOptions<>).MakeGenericType(options);
        var validator = options.Assembly.GetTypes().SingleOrDefault(type => !type.IsNested && type.IsAssignableTo(contract));
        if (wrong is null || validator?.GetConstructor([]) is null)
        {
            return null;
        }

        var instance = Activator.CreateInstance(options)!;
        property.SetValue(instance, wrong);
        var result = (ValidateOptionsResult)contract.GetMethod("Validate")!.Invoke(Activator.CreateInstance(validator), [null, instance])!;
        return (result.Failures ?? [])
            .Where(failure => failure.StartsWith($"{section}:{property.Name} ", StringComparison.Ordinal))
            .Select(failure => MustBe().Match(failure))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .FirstOrDefault();
    }

    /// <summary>A default as people read it: <c>10 s</c>, <c>50,000</c>.</summary>
    public static string Read(object? value) => value switch
    {
        null or "" => "none",
        TimeSpan time => Read(time),
        bool truth => truth ? "true" : "false",
        IFormattable number when value is int or long or double => number.ToString("#,0.###", CultureInfo.InvariantCulture),
        _ => $"`{value}`",
    };

    private static string Read(TimeSpan time) => time switch
    {
        { Ticks: 0 } => "0 s",
        _ when time.Ticks % TimeSpan.TicksPerDay == 0 => time.TotalDays == 1 ? "24 h" : $"{time.TotalDays} days",
        _ when time.Ticks % TimeSpan.TicksPerHour == 0 => $"{time.TotalHours} h",
        _ when time.Ticks % TimeSpan.TicksPerMinute == 0 => $"{time.TotalMinutes} min",
        _ when time.Ticks % TimeSpan.TicksPerSecond == 0 => $"{time.TotalSeconds} s",
        _ => $"{time.TotalMilliseconds} ms",
    };

    [GeneratedRegex("must be (.+?); it is ")]
    private static partial Regex MustBe();
}
