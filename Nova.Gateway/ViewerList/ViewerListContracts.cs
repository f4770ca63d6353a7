using System.Text.Json.Serialization;
using Nova.Protocol;

namespace Nova.Gateway.ViewerList;

/// <summary>A viewer of a stream, on one gateway.</summary>
/// <param name="Sessions">Its open sockets there.</param>
/// <param name="ConnectedSince">Since when the oldest of them is open.</param>
/// <param name="Gateway">The gateway's id in Redis, which is new with each start of it.</param>
/// <param name="Subject">The <c>sub</c> of its token; for operators only.</param>
internal sealed record ConnectedViewer(
    Guid ViewerId, int Sessions, DateTimeOffset ConnectedSince, string Gateway,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Subject);

/// <summary>A page of a stream's viewers, by <c>viewer_id</c>.</summary>
/// <param name="NextCursor">For the next page; null on the last.</param>
/// <param name="MissingGateways">They have viewers of this stream and did not answer in time.</param>
internal sealed record ViewerPage(IReadOnlyList<ConnectedViewer> Viewers, string? NextCursor, IReadOnlyList<string> MissingGateways);

/// <summary>The question to all gateways.</summary>
/// <param name="Id">Names the channel for the answers.</param>
/// <param name="AfterViewer">Where the page before ended, with the gateway after it.</param>
/// <param name="Rows">At most so many are answered.</param>
internal sealed record ViewerListQuestion(Guid Id, Guid AfterViewer, string AfterGateway, int Rows);

/// <summary>One gateway's answer.</summary>
internal sealed record ViewerListAnswer(string Gateway, IReadOnlyList<ConnectedViewer> Viewers);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(ViewerPage))]
[JsonSerializable(typeof(ViewerListQuestion))]
[JsonSerializable(typeof(ViewerListAnswer))]
internal sealed partial class ViewerListJson : JsonSerializerContext;
