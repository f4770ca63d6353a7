using System.Buffers.Text;
using System.Text;
using Nova.Gateway.Admission;
using Nova.Gateway.Feed;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using StackExchange.Redis;

namespace Nova.Gateway.ViewerList;

/// <summary><c>GET /api/v1/streams/{id}/viewers</c>: who watches a stream now, for its broadcaster and for operators (S59).</summary>
internal static class ViewerListApi
{
    public const int DefaultPageSize = 50;
    public const int MaxPageSize = 200;

    /// <summary>One more than a page says that there is a next one.</summary>
    public const int MaxRows = MaxPageSize + 1;

    private const int IdLength = 32;
    private const int MaxGatewayLength = 64;

    public static void MapViewerList(this WebApplication app) =>
        app.MapGet("/api/v1/streams/{id}/viewers", ListAsync).RequireAuthorization().LimitRequests()
            .WithTags("Viewers").WithName("ListViewers").WithSummary("Who watches a stream now")
            .Produces<ViewerPage>().ProducesProblem(400).ProducesProblem(401).ProducesProblem(403).ProducesProblem(404).ProducesProblem(429).ProducesProblem(503);

    private static async Task<IResult> ListAsync(
        string id, string? cursor, string? limit, Caller caller, HttpContext http, RoomDirectory rooms, ViewerListCalls calls, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        var (afterViewer, afterGateway) = ReadCursor(cursor, errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        try
        {
            using var lease = Uuid.TryParse(id, out var streamId) ? await rooms.OpenAsync(streamId, cancellationToken) : null;
            if (lease is null)
            {
                return Refusal.StreamNotFound.ToProblem();
            }

            if (!caller.MayPublish(lease.Feed.Room.BroadcasterId))
            {
                return Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Only this stream's broadcaster or an operator may do that.");
            }

            var (viewers, missing) = lease.Feed.Room.Status == StreamStatus.Ended ? ([], [])
                : await calls.AskAsync(streamId, new ViewerListQuestion(Guid.NewGuid(), afterViewer, afterGateway, size + 1));
            return TypedResults.Ok(PageOf(viewers, missing, size, caller.Role == CallerRole.Operator));
        }
        catch (Exception exception) when (exception is StreamStateUnavailableException or RedisException or TimeoutException)
        {
            return Problems.Unavailable(http, "Who watches cannot be found out now; try again.");
        }
    }

    private static ViewerPage PageOf(List<ConnectedViewer> viewers, List<string> missing, int size, bool withSubjects)
    {
        var ordered = viewers.OrderBy(viewer => viewer.ViewerId).ThenBy(viewer => viewer.Gateway, StringComparer.Ordinal).Take(size + 1).ToList();
        var page = ordered.Take(size).Select(viewer => withSubjects ? viewer : viewer with { Subject = null }).ToList();
        return new ViewerPage(page, ordered.Count > size ? CursorOf(page[^1]) : null, missing);
    }

    private static string CursorOf(ConnectedViewer last) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{last.ViewerId:N}{last.Gateway}"));

    private static (Guid Viewer, string Gateway) ReadCursor(string? cursor, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(cursor))
        {
            return (Guid.Empty, "");
        }

        if (cursor.Length <= Base64Url.GetEncodedLength(IdLength + MaxGatewayLength) && Base64Url.IsValid(cursor)
            && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)) is { Length: > IdLength } text && Guid.TryParseExact(text[..IdLength], "N", out var viewer))
        {
            return (viewer, text[IdLength..]);
        }

        errors.Add("cursor", "must be a next_cursor that this list returned");
        return default;
    }
}
