// What a client does that Kiota made of docs/openapi.json: create, start, a conflict, a new quality, end, list the issues.
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Http.HttpClientLibrary;
using Microsoft.Kiota.Http.HttpClientLibrary.Middleware.Options;
using Nova.Generated;
using Nova.Generated.Models;

var tokens = new BaseBearerTokenAuthenticationProvider(new FixedToken(args[1]));
using var adapter = new HttpClientRequestAdapter(tokens) { BaseUrl = args[0] };
var streams = new NovaClient(adapter).Api.V1.Streams;

var created = await streams.PostAsync(new CreateStreamRequest { Title = "C#" }) ?? throw new InvalidOperationException("create: nothing came back");
var stream = streams[created.StreamId!.Value];
var started = await stream.Start.PostAsync(new StartStreamRequest { Quality = StreamQuality.OneZeroEightZerop, Fps = 60, BitrateKbps = 5000 });
Expect("start", started?.Status, StreamStatus.Active);

var change = new ChangeQualityRequest { NewQuality = StreamQuality.SevenTwoZerop, NewBitrateKbps = 3000, Reason = QualityChangeReason.Adaptive_bitrate };
try
{
    await stream.Quality.PostAsync(change, request => request.Headers.Add("If-Match", $"\"{created.Version}\""));
    throw new InvalidOperationException("a conflict: the call succeeded");
}
catch (Problem problem)
{
    Expect("a conflict", problem.ErrorCode, Problem_error_code.VERSION_MISMATCH);
}

var fresh = await stream.Quality.PostAsync(change, request => request.Headers.Add("If-Match", $"\"{started!.Version}\""));
Expect("the new quality", fresh?.Quality, StreamQuality.SevenTwoZerop);
var ended = await stream.End.PostAsync(new EndStreamRequest());
Expect("end", ended?.EndReason, EndReason.Broadcaster_ended);
var issues = await new NovaClient(adapter).Api.V1.Issues.GetAsync(request => (request.QueryParameters.StreamId, request.QueryParameters.Limit) = (created.StreamId, 10));
Expect("issues", issues?.Issues?.Count, 0);
Console.WriteLine("The C# client created, started, changed and ended a stream, and listed its issues.");

static void Expect<T>(string what, T actual, T wanted)
{
    if (!EqualityComparer<T>.Default.Equals(actual, wanted))
    {
        throw new InvalidOperationException($"{what}: {actual} in place of {wanted}");
    }
}

internal sealed class FixedToken(string token) : IAccessTokenProvider
{
    public AllowedHostsValidator AllowedHostsValidator { get; } = new();

    public Task<string> GetAuthorizationTokenAsync(Uri uri, Dictionary<string, object>? additionalAuthenticationContext = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(token);
}
