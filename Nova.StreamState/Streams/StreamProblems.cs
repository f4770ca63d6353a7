using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;

namespace Nova.StreamState.Streams;

/// <summary>Why a call about a stream was refused.</summary>
internal static class StreamProblems
{
    public const string IfMatchRule = "must be *, or ETags of this API such as \"3\"";

    public static IResult NotFound() =>
        Problems.Create(StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");

    public static IResult Forbidden() =>
        Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Only this stream's broadcaster or an operator may do that.");

    public static IResult VersionMismatch(StreamRecord stream) => Problems.Create(
        StatusCodes.Status412PreconditionFailed, ErrorCodes.VersionMismatch, $"The stream is at version {stream.Version}.",
        new Dictionary<string, object?> { ["version"] = stream.Version });

    public static IResult NotAllowed(StreamRecord stream)
    {
        var status = WireNames<StreamStatus>.Of(stream.Status);
        return Problems.Create(
            StatusCodes.Status409Conflict, ErrorCodes.InvalidTransition, $"The stream is {status}; that is not possible now.",
            new Dictionary<string, object?> { ["status"] = status, ["version"] = stream.Version });
    }

    public static IResult Of(ChangeResult refused) => refused.Outcome switch
    {
        ChangeOutcome.NotFound => NotFound(),
        ChangeOutcome.Forbidden => Forbidden(),
        ChangeOutcome.NotAllowed => NotAllowed(refused.Stream!),
        ChangeOutcome.IdTaken => Problems.Create(StatusCodes.Status409Conflict, ErrorCodes.StreamExists, "A stream with this stream_id exists, or existed: an id is used once."),
        ChangeOutcome.VersionMismatch => VersionMismatch(refused.Stream!),
        _ => throw new ArgumentOutOfRangeException(nameof(refused), refused.Outcome, "not a refusal"),
    };
}
