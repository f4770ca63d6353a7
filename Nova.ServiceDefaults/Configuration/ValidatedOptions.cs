using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>Options that are checked at start, every error at once: the framework's binding alone throws at the first value that is not a number.</summary>
public static class ValidatedOptions
{
    public static OptionsBuilder<TOptions> AddValidatedOptions<TOptions, TValidator>(this IServiceCollection services, string section)
        where TOptions : class
        where TValidator : class, IValidateOptions<TOptions>
    {
        services.AddSingleton<IValidateOptions<TOptions>>(provider => new Readable<TOptions>(provider.GetRequiredService<IConfiguration>().GetSection(section)));
        services.AddSingleton<IValidateOptions<TOptions>, TValidator>();
        return services.AddOptions<TOptions>()
            .Configure<IConfiguration>((options, configuration) => Bind(options, configuration.GetSection(section)))
            .ValidateOnStart();
    }

    private static void Bind<TOptions>(TOptions options, IConfigurationSection section)
        where TOptions : class
    {
        var unreadable = Unreadable<TOptions>(section).Select(property => property.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        new ConfigurationBuilder()
            .AddInMemoryCollection(section.AsEnumerable(makePathsRelative: true).Where(entry => entry.Value is not null && !unreadable.Contains(entry.Key)))
            .Build()
            .Bind(options);
    }

    /// <summary>The properties whose text cannot be converted to their type.</summary>
    private static IEnumerable<PropertyInfo> Unreadable<TOptions>(IConfigurationSection section) =>
        typeof(TOptions).GetProperties().Where(property => property is { CanWrite: true, PropertyType.IsValueType: true } && !IsReadable(section, property));

    private static bool IsReadable(IConfigurationSection section, PropertyInfo property)
    {
        try
        {
            // What is there but empty is left at its default by the framework.
            return string.IsNullOrEmpty(section[property.Name]) || section.GetValue(property.PropertyType, property.Name) is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string Form(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a time such as 00:00:10"
        : type == typeof(double) ? "a number"
        : type == typeof(int) || type == typeof(long) ? "a whole number"
        : $"a {type.Name}";

    private sealed class Readable<TOptions>(IConfigurationSection section) : IValidateOptions<TOptions>
        where TOptions : class
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            string[] errors = [.. Unreadable<TOptions>(section)
                .Select(property => $"{section.Path}:{property.Name} must be {Form(property.PropertyType)}; it is {section[property.Name]}.")];
            return errors.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }
    }
}
