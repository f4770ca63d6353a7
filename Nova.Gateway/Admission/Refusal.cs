using Nova.Protocol;
using Nova.ServiceDefaults.Http;

namespace Nova.Gateway.Admission;

/// <summary>Every way the gateway itself refuses an upgrade, with its status and words. Those of tokens are <see cref="ServiceDefaults.TokenRefusal"/>.</summary>
/// <param name="Reason">For programs, where the error code is not enough.</param>
/// <param name="MayRetry">The same request may succeed later; the answer says when.</param>
internal sealed record Refusal(int Status, string ErrorCode, string Detail, string? Reason = null, bool MayRetry = false)
{
    public static readonly Refusal TooManyUpgrades = new(
        StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimited, "Too many connection attempts from this address; try again.", "too_many_upgrades", MayRetry: true);

    public static readonly Refusal UnsupportedProtocol = new(
        StatusCodes.Status400BadRequest, ErrorCodes.ProtocolError, $"Supported protocol versions: {Limits.ProtocolVersion}.");

    public static readonly Refusal StreamUnknownNow = new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, "Whether this stream exists cannot be found out now; try again.", MayRetry: true);

    public static readonly Refusal StreamNotFound = new(
        StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");

    public static readonly Refusal NotAllowed = new(
        StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "This token does not allow watching this stream.");

    public static readonly Refusal Kicked = new(
        StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "This viewer was kicked from the stream and may not come back yet.");

    public static readonly Refusal OriginNotAllowed = new(
        StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Pages of this origin may not connect here.");

    private static readonly Refusal Draining = new(
        StatusCodes.Status503ServiceUnavailable, ErrorCodes.ConnectionRejected, "This gateway takes no more viewers now; try again.", "draining", MayRetry: true);

    private static readonly Refusal AtCapacity = Draining with { Reason = "at_capacity" };

    private static readonly Refusal TooManyOfViewer = new(
        StatusCodes.Status429TooManyRequests, ErrorCodes.ConnectionRejected, "This viewer has too many connections; close one.", "too_many_connections_of_viewer",
        MayRetry: true);

    private static readonly Refusal TooManyOfAddress = new(
        StatusCodes.Status429TooManyRequests, ErrorCodes.ConnectionRejected, "There are too many connections from this address.", "too_many_connections_from_address",
        MayRetry: true);

    public static Refusal Of(AdmissionResult result) => result switch
    {
        AdmissionResult.Draining => Draining,
        AdmissionResult.AtCapacity => AtCapacity,
        AdmissionResult.TooManyOfViewer => TooManyOfViewer,
        _ => TooManyOfAddress,
    };

    /// <param name="status">What is wrong with the handshake.</param>
    public static Refusal NoUpgrade(int status, string detail) => new(status, ErrorCodes.ConnectionRejected, detail);

    public IResult ToProblem() => Problems.Create(Status, ErrorCode, Detail);
}
