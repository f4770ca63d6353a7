using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Nova.Gateway;
using Nova.ServiceDefaults;
using Nova.StreamState;
using Nova.Telemetry;

namespace Nova.Tests.Contracts.OpenApi;

/// <summary>A public REST call as its service maps it.</summary>
/// <param name="Path">With the names of the document: <c>/api/v1/streams/{stream_id}/start</c>.</param>
/// <param name="Query">Names of its query parameters.</param>
/// <param name="Answers">Types and media types by status; the type of a problem is left out.</param>
internal sealed record ApiEndpoint(
    string Method, string Path, string Name, string Summary, string Tag, bool IsAuthorized, Type? Body, bool IsBodyOptional, IReadOnlyList<string> Query,
    ILookup<int, (Type? Type, string? Media)> Answers);

/// <summary>The public calls of all services, read from what they map.</summary>
internal static class ApiEndpoints
{
    /// <summary>Enough to build each service; nothing is started.</summary>
    private static readonly Dictionary<string, string?> Settings = new()
    {
        ["ConnectionStrings:streams"] = "Host=127.0.0.1;Database=none",
        ["ConnectionStrings:telemetry"] = "Host=127.0.0.1;Database=none",
        ["ConnectionStrings:redis"] = "127.0.0.1",
        ["Authentication:Schemes:Bearer:ValidIssuer"] = "contract",
        ["Authentication:Schemes:Bearer:ValidAudiences:0"] = "nova",
        ["Authentication:Schemes:Bearer:SigningKeys:0:Issuer"] = "contract",
        ["Authentication:Schemes:Bearer:SigningKeys:0:Value"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "",
    };

    public static async Task<IReadOnlyList<ApiEndpoint>> ReadAsync() =>
    [
        .. await ReadAsync(builder => builder.AddStreamState(), app => app.MapStreamState()),
        .. await ReadAsync(builder => builder.AddGateway(), app => app.MapGateway()),
        .. await ReadAsync(builder => builder.AddTelemetry(), app => app.MapTelemetry()),
    ];

    private static async Task<IReadOnlyList<ApiEndpoint>> ReadAsync(Action<WebApplicationBuilder> add, Action<WebApplication> map)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(Settings);
        await using var app = NovaService.Build(builder, add, map);
        return
        [
            .. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
                .Where(endpoint => endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>()?.ExcludeFromDescription != true
                    && endpoint.Metadata.GetMetadata<IEndpointNameMetadata>() is not null)
                .Select(Read),
        ];
    }

    private static ApiEndpoint Read(RouteEndpoint endpoint)
    {
        var metadata = endpoint.Metadata;
        var accepts = metadata.GetMetadata<IAcceptsMetadata>();
        var answers = metadata.OfType<IProducesResponseTypeMetadata>()
            .SelectMany(answer => answer.ContentTypes.DefaultIfEmpty().Select(media => (answer.StatusCode, answer.Type, Media: media)))
            .Where(answer => answer.Type != typeof(IResult))
            .Distinct()
            .ToLookup(answer => answer.StatusCode, answer => (answer.Type == typeof(ProblemDetails) ? null : answer.Type, answer.Media));
        return new ApiEndpoint(
            metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Single(),
            endpoint.RoutePattern.RawText!.TrimEnd('/').Replace("{id}", "{stream_id}", StringComparison.Ordinal).Replace("{viewerId}", "{viewer_id}", StringComparison.Ordinal),
            metadata.GetMetadata<IEndpointNameMetadata>()!.EndpointName,
            metadata.GetMetadata<IEndpointSummaryMetadata>()!.Summary,
            metadata.GetMetadata<ITagsMetadata>()!.Tags[0],
            metadata.GetMetadata<Microsoft.AspNetCore.Authorization.IAuthorizeData>() is not null,
            accepts?.RequestType,
            accepts?.IsOptional == true,
            [.. QueryOf(endpoint)],
            answers);
    }

    private static IEnumerable<string> QueryOf(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<System.Reflection.MethodInfo>()!.GetParameters()
            .SelectMany(parameter => parameter.IsDefined(typeof(AsParametersAttribute), inherit: false)
                ? parameter.ParameterType.GetConstructors()[0].GetParameters()
                : [parameter])
            .Where(parameter => parameter.ParameterType == typeof(string) && endpoint.RoutePattern.GetParameter(parameter.Name!) is null)
            .Select(parameter => parameter.GetCustomAttributes(typeof(FromQueryAttribute), inherit: false).OfType<FromQueryAttribute>().FirstOrDefault()?.Name ?? parameter.Name!);
}
