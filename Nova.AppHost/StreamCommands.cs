using System.Net.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Nova.Client;
using Nova.Protocol;

namespace Nova.AppHost;

/// <summary>Commands of the gateway in the dashboard: what somebody who tries Nova would otherwise do with curl.</summary>
internal static class StreamCommands
{
    private const string Broadcaster = "dashboard";

    private static readonly string[] Qualities = [.. Enum.GetValues<StreamQuality>().Select(WireNames<StreamQuality>.Of)];
    private static readonly string[] Reasons = [.. Enum.GetValues<QualityChangeReason>().Select(WireNames<QualityChangeReason>.Of)];

    public static IResourceBuilder<ProjectResource> WithStreamCommands(this IResourceBuilder<ProjectResource> gateway)
    {
        if (!gateway.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            return gateway;
        }

        var endpoint = gateway.GetEndpoint("http");
        return gateway
            .WithCommand("start-broadcast", "Start a broadcast", Run(endpoint, StartAsync), new CommandOptions
            {
                Description = "Creates a stream, starts it and shows the page to watch it on.",
                IconName = "Play",
                IsHighlighted = true,
                UpdateState = WhenHealthy,
                Arguments =
                [
                    new() { Name = "title", Label = "Title", InputType = InputType.Text, Required = true, Value = "My first stream", MaxLength = 200 },
                    Choice("quality", "Quality", Qualities, "1080p"),
                    new() { Name = "bitrate", Label = "Bitrate in kbps", InputType = InputType.Number, Required = true, Value = "5000" },
                ],
            })
            .WithCommand("change-quality", "Change the quality", Run(endpoint, ChangeQualityAsync), new CommandOptions
            {
                Description = "Changes the quality of an active stream; its viewers hear of it at once.",
                IconName = "TopSpeed",
                UpdateState = WhenHealthy,
                Arguments =
                [
                    ActiveStream(endpoint),
                    Choice("quality", "New quality", Qualities, "720p"),
                    new() { Name = "bitrate", Label = "New bitrate in kbps", InputType = InputType.Number, Required = true, Value = "3000" },
                    Choice("reason", "Reason", Reasons, "network_congestion"),
                ],
            })
            .WithCommand("end-broadcast", "End a broadcast", Run(endpoint, EndAsync), new CommandOptions
            {
                Description = "Ends an active stream.",
                ConfirmationMessage = "Viewers of the stream are told that it has ended, and their connections are closed. Go on?",
                IconName = "Stop",
                UpdateState = WhenHealthy,
                Arguments = [ActiveStream(endpoint)],
            })
            .WithCommand("kick-viewer", "Kick a viewer", Run(endpoint, KickAsync), new CommandOptions
            {
                Description = "Closes a viewer's connections to a stream and refuses new ones for a while.",
                IconName = "PersonProhibited",
                UpdateState = WhenHealthy,
                Arguments =
                [
                    ActiveStream(endpoint),
                    new() { Name = "viewer", Label = "Viewer id", Description = "`viewer_id` of the viewer's connection_established", EnableDescriptionMarkdown = true, InputType = InputType.Text, Required = true },
                ],
            })
            .WithCommand("create-token", "Create a token", Run(endpoint, CreateTokenAsync), new CommandOptions
            {
                Description = "Signs a token for trying the API and the WebSocket.",
                IconName = "Key",
                UpdateState = WhenHealthy,
                Arguments =
                [
                    new() { Name = "sub", Label = "Who it is for", InputType = InputType.Text, Required = true, Value = "me", MaxLength = 200 },
                    Choice("role", "Role", ["viewer", "broadcaster", "operator"], "viewer"),
                    new() { Name = "stream", Label = "Only for this stream (its id)", InputType = InputType.Text, Placeholder = "every public stream" },
                    new() { Name = "minutes", Label = "Lifetime in minutes", InputType = InputType.Number, Required = true, Value = "60" },
                ],
            })
            .WithCommand("show-curl", "Show curl examples", Run(endpoint, ShowCurlAsync), new CommandOptions
            {
                Description = "README's commands, with this Nova's address.",
                IconName = "Code",
                UpdateState = WhenHealthy,
            });
    }

    private static ResourceCommandState WhenHealthy(UpdateCommandStateContext context) =>
        context.ResourceSnapshot.HealthStatus is HealthStatus.Healthy ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;

    private static InteractionInput Choice(string name, string label, IEnumerable<string> values, string value) => new()
    {
        Name = name,
        Label = label,
        InputType = InputType.Choice,
        Required = true,
        Options = [.. values.Select(option => KeyValuePair.Create(option, option))],
        Value = value,
    };

    /// <summary>A text, since the dashboard's dialog (13.6.5) fails where its first input is a choice: it cannot give that the focus.</summary>
    private static InteractionInput ActiveStream(EndpointReference endpoint) => new()
    {
        Name = "stream",
        Label = "Stream id",
        Description = "The newest active stream is filled in.",
        InputType = InputType.Text,
        Required = true,
        DynamicLoading = new InputLoadOptions
        {
            AlwaysLoadOnStart = true,
            LoadCallback = async context =>
            {
                var client = new GatewayClient(new Uri(endpoint.Url));
                context.Input.Value ??= (await client.NewestActiveStreamAsync(context.CancellationToken))?.ToString();
            },
        },
    };

    /// <summary>The gateway may stop between the click and the call, and it may refuse: both are sentences, not stack traces.</summary>
    private static Func<ExecuteCommandContext, Task<ExecuteCommandResult>> Run(
        EndpointReference endpoint, Func<GatewayClient, InteractionInputCollection, CancellationToken, Task<ExecuteCommandResult>> run) => async context =>
        {
            try
            {
                var client = new GatewayClient(new Uri(endpoint.Url));
                return await run(client, context.Arguments, context.CancellationToken);
            }
            catch (NovaApiException refused)
            {
                return CommandResults.Failure($"The gateway answered {(int)refused.Status}: {refused.Message}");
            }
            catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException && !context.CancellationToken.IsCancellationRequested)
            {
                return CommandResults.Failure("The gateway does not answer. Wait until it is healthy and try again.");
            }
        };

    private static async Task<ExecuteCommandResult> StartAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        using var publisher = client.As(Broadcaster, "broadcaster");
        var stream = await publisher.CreateAsync(new CreateStream(input.GetString("title")!), cancellationToken);
        var quality = WireNames<StreamQuality>.Parse(input.GetString("quality")!);
        await publisher.StartAsync(stream.StreamId, new StartStream(quality, 60, input.GetInt32("bitrate")), cancellationToken: cancellationToken);
        return CommandResults.Success(
            "The broadcast has started.", $"[Watch it]({client.PageOf(stream.StreamId)})\n\nStream `{stream.StreamId}`", CommandResultFormat.Markdown, displayImmediately: true);
    }

    private static async Task<ExecuteCommandResult> ChangeQualityAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        if (Id(input, "stream") is not { } stream)
        {
            return NoId(input, "stream");
        }

        var (quality, reason) = (WireNames<StreamQuality>.Parse(input.GetString("quality")!), WireNames<QualityChangeReason>.Parse(input.GetString("reason")!));
        using var publisher = client.AsOperator();
        var changed = await publisher.ChangeQualityAsync(stream, new ChangeQuality(quality, input.GetInt32("bitrate"), reason), cancellationToken: cancellationToken);
        return CommandResults.Success($"The quality is {WireNames<StreamQuality>.Of(changed.Quality)} at {changed.BitrateKbps} kbps.");
    }

    private static async Task<ExecuteCommandResult> EndAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        if (Id(input, "stream") is not { } stream)
        {
            return NoId(input, "stream");
        }

        using var publisher = client.AsOperator();
        await publisher.EndAsync(stream, cancellationToken: cancellationToken);
        return CommandResults.Success("The broadcast has ended.");
    }

    private static async Task<ExecuteCommandResult> KickAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        if (Id(input, "stream") is not { } stream)
        {
            return NoId(input, "stream");
        }

        if (Id(input, "viewer") is not { } viewer)
        {
            return NoId(input, "viewer");
        }

        using var publisher = client.AsOperator();
        await publisher.KickAsync(stream, viewer, cancellationToken);
        return CommandResults.Success($"Viewer {viewer} is kicked.");
    }

    private static Guid? Id(InteractionInputCollection input, string name) => Guid.TryParse(input.GetString(name), out var id) ? id : null;

    private static ExecuteCommandResult NoId(InteractionInputCollection input, string name) => CommandResults.Failure($"'{input.GetString(name)}' is no {name} id: it must be a UUID.");

    private static async Task<ExecuteCommandResult> CreateTokenAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        var hasStream = !string.IsNullOrWhiteSpace(input.GetString("stream"));
        if (hasStream && Id(input, "stream") is null)
        {
            return NoId(input, "stream");
        }

        var lifetime = TimeSpan.FromMinutes(input.GetInt32("minutes"));
        var token = await DevelopmentTokens.CreateAsync(
            client.Gateway, input.GetString("sub")!, input.GetString("role")!, hasStream ? [Id(input, "stream")!.Value] : null, lifetime, cancellationToken);
        return CommandResults.Success("The token is made.", token, CommandResultFormat.Text, displayImmediately: true);
    }

    /// <summary>README's commands. Whoever pastes them into a shell needs no other text.</summary>
    private static Task<ExecuteCommandResult> ShowCurlAsync(GatewayClient client, InteractionInputCollection input, CancellationToken cancellationToken)
    {
        var examples = $$"""
            ```sh
            nova={{client.Gateway.OriginalString}}
            token() { curl -s $nova/dev/tokens -H 'Content-Type: application/json' -d "{\"sub\":\"$1\",\"role\":\"$2\"}" | sed 's/.*"token":"\([^"]*\)".*/\1/'; }
            broadcaster=$(token me broadcaster)
            post() { curl -s -X POST "$nova/api/v1/streams$1" -H "Authorization: Bearer $broadcaster" -H 'Content-Type: application/json' -d "$2"; echo; }
            id=$(post '' '{"title":"My first stream"}' | sed 's/.*"stream_id":"\([^"]*\)".*/\1/')
            post /$id/start   '{"quality":"1080p","fps":60,"bitrate_kbps":5000}'
            post /$id/quality '{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}'
            post /$id/end     '{}'
            ```
            """;
        return Task.FromResult(CommandResults.Success("curl examples", examples, CommandResultFormat.Markdown, displayImmediately: true));
    }
}
