using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nova.ServiceDefaults;

/// <summary>JSON of the REST APIs: the protocol's names and times, and its strictness.</summary>
public static class JsonDefaults
{
    /// <summary>Adds generated types, with the converters they were generated for, so that no endpoint serialises by reflection.</summary>
    public static void AddRestJson(this IServiceCollection services, params JsonSerializerContext[] contexts) =>
        services.Configure<JsonOptions>(options =>
        {
            var json = options.SerializerOptions;
            foreach (var context in contexts)
            {
                json.TypeInfoResolverChain.Insert(0, context);
            }

            foreach (var converter in contexts.SelectMany(context => context.Options.Converters).DistinctBy(converter => converter.GetType()))
            {
                json.Converters.Add(converter);
            }

            json.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.PropertyNameCaseInsensitive = false;
            json.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
            json.MaxDepth = 32;
            json.NumberHandling = JsonNumberHandling.Strict;
            json.AllowDuplicateProperties = false;
        });
}
