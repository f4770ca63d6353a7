using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.StreamState.Ingest;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>
/// What every changing call has in common: who may, <c>If-Match</c>, <c>Idempotency-Key</c>, and the answer for each way it can go.
/// </summary>
internal sealed class StreamChanges(
    StreamStore store, NpgsqlDataSource dataSource, SignsOfLife signs, TimeProvider time, IOptions<JsonOptions> json)
{
    public async Task<IResult> CreateAsync(HttpContext http, Caller caller, CreateStreamRequest request, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var stream = request.Validate(caller, errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (!caller.MayPublish(stream.BroadcasterId))
        {
            return Forbidden();
        }

        return await OnceAsync(
            http, caller, request, (created, live) => AnswerWith(StatusCodes.Status201Created, created, live),
            (answer, token) => store.CreateAsync(stream, answer, token),
            cancellationToken);
    }

    /// <summary>Changes a stream and answers with it.</summary>
    public async Task<IResult> ApplyAsync<TBody>(
        HttpContext http, string id, TBody body, IngestSignal signal, Func<LockedStream, LiveNumbers, Transition?> apply, CancellationToken cancellationToken)
        where TBody : class =>
        TryReadId(id, out var streamId)
            ? await ChangeAsync(
                http, streamId, body, signal, apply, (stream, live) => AnswerWith(StatusCodes.Status200OK, stream, live), cancellationToken)
            : NotFound();

    /// <summary>Sends viewers an event and answers 202.</summary>
    public async Task<IResult> SendAsync<TBody>(
        HttpContext http, string id, TBody body, IngestSignal signal, Func<LockedStream, LiveNumbers, Transition?> apply, CancellationToken cancellationToken)
        where TBody : class =>
        TryReadId(id, out var streamId)
            ? await ChangeAsync(http, streamId, body, signal, apply, (stream, _) => AcceptedFor(stream), cancellationToken)
            : NotFound();

    /// <summary>Removes a viewer and answers 202.</summary>
    public async Task<IResult> KickAsync(
        HttpContext http, string id, Guid viewerId, Func<LockedStream, LiveNumbers, Transition?> apply, CancellationToken cancellationToken) =>
        TryReadId(id, out var streamId)
            ? await ChangeAsync(
                http, streamId, new KickViewerRequest(viewerId), IngestSignal.Heard, apply,
                (stream, _) => Answer(StatusCodes.Status202Accepted, stream, new ViewerKicked(streamId, viewerId, stream.Version)), cancellationToken)
            : NotFound();

    /// <summary>For calls that change no state: the stream, if this caller may publish on it and it is on; else the answer that says why not.</summary>
    public async Task<(StreamRecord? Stream, IResult? Refusal)> FindForPublisherAsync(
        HttpRequest request, Caller caller, string id, CancellationToken cancellationToken)
    {
        if (caller.Role == CallerRole.Viewer)
        {
            return (null, Forbidden());
        }

        if (!TryReadId(id, out var streamId) || await store.FindAsync(streamId, cancellationToken) is not { Stream: var stream })
        {
            return (null, NotFound());
        }

        return !caller.MayPublish(stream.BroadcasterId) ? (null, Forbidden())
            : !TryReadIfMatch(request, out var expected) ? (null, BadIfMatch())
            : expected is not null && expected != stream.Version ? (null, Refusal(new(ChangeOutcome.VersionMismatch, stream)))
            : stream.Status != StreamStatus.Active ? (null, NotAllowed(stream))
            : (stream, null);
    }

    public StreamAnswer AnswerWith(int status, StreamRecord stream, LiveNumbers? live) =>
        Answer(status, stream, StreamResource.From(stream, live, time.GetUtcNow()));

    public StreamAnswer AcceptedFor(StreamRecord stream) =>
        Answer(StatusCodes.Status202Accepted, stream, new Accepted(stream.StreamId, stream.Version));

    public StreamAnswer Answer<T>(int status, StreamRecord stream, T body) =>
        new(status, stream.StreamId, stream.Version, JsonSerializer.Serialize(body, TypeOf<T>()));

    public static bool TryReadId(string id, out Guid streamId) => Uuid.TryParse(id, out streamId);

    public static IResult NotFound() =>
        Problems.Create(StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");

    public static IResult Forbidden() =>
        Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Only this stream's broadcaster or an operator may do that.");

    private async Task<IResult> ChangeAsync<TBody>(
        HttpContext http, Guid streamId, TBody body, IngestSignal signal, Func<LockedStream, LiveNumbers, Transition?> apply,
        Func<StreamRecord, LiveNumbers?, StreamAnswer> respond, CancellationToken cancellationToken)
        where TBody : class
    {
        var caller = Caller.Of(http);
        if (caller.Role == CallerRole.Viewer)
        {
            return Forbidden();
        }

        if (!TryReadIfMatch(http.Request, out var expectedVersion))
        {
            return BadIfMatch();
        }

        return await OnceAsync(
            http, caller, body, respond,
            async (answer, token) =>
            {
                var change = new StreamChange(apply, signal, stream => caller.MayPublish(stream.BroadcasterId), expectedVersion, answer);
                var result = await store.ChangeAsync(streamId, change, token);
                if (result.BroadcasterReturned)
                {
                    await signs.RestoreAsync(streamId, token);
                }

                return result;
            },
            cancellationToken);
    }

    /// <summary>Does it, or repeats the answer of the request with the same Idempotency-Key.</summary>
    private async Task<IResult> OnceAsync<TBody>(
        HttpContext http, Caller caller, TBody body, Func<StreamRecord, LiveNumbers?, StreamAnswer> respond,
        Func<IdempotentAnswer?, CancellationToken, Task<ChangeResult>> change, CancellationToken cancellationToken)
    {
        var key = http.Request.Headers["Idempotency-Key"].ToString();
        if (key.Length > IdempotentAnswer.MaxKeyLength || key.Contains('\0'))
        {
            return Problems.Invalid("Idempotency-Key", $"must have at most {IdempotentAnswer.MaxKeyLength} characters");
        }

        var answer = key.Length == 0 ? null
            : new IdempotentAnswer(caller.Subject, key, IdempotentAnswer.FingerprintOf(http.Request, body, TypeOf<TBody>()), respond);
        while (true)
        {
            if (answer is not null && await answer.FindAsync(dataSource, cancellationToken) is var (fingerprint, saved))
            {
                return fingerprint.AsSpan().SequenceEqual(answer.Fingerprint) ? saved : Problems.Create(
                    StatusCodes.Status422UnprocessableEntity, ErrorCodes.IdempotencyKeyReused, "This Idempotency-Key was used with a different request.");
            }

            var result = await change(answer, cancellationToken);
            if (result.Outcome == ChangeOutcome.Changed)
            {
                return respond(result.Stream!, result.Live);
            }

            // A request with the same key may have made the very change that now stands in the way: then its answer is there by now.
            var mayBeAnswered = result.Outcome is ChangeOutcome.NotAllowed or ChangeOutcome.VersionMismatch or ChangeOutcome.IdTaken;
            if (result.Outcome != ChangeOutcome.AnsweredBefore
                && !(mayBeAnswered && answer is not null && await answer.FindAsync(dataSource, cancellationToken) is not null))
            {
                return Refusal(result);
            }
        }
    }

    private static IResult Refusal(ChangeResult result) => result.Outcome switch
    {
        ChangeOutcome.NotFound => NotFound(),
        ChangeOutcome.Forbidden => Forbidden(),
        ChangeOutcome.NotAllowed => NotAllowed(result.Stream!),
        ChangeOutcome.IdTaken => Problems.Create(StatusCodes.Status409Conflict, ErrorCodes.StreamExists, "A stream with this stream_id exists."),
        ChangeOutcome.VersionMismatch => Problems.Create(
            StatusCodes.Status412PreconditionFailed, ErrorCodes.VersionMismatch, $"The stream is at version {result.Stream!.Version}.",
            new Dictionary<string, object?> { ["version"] = result.Stream.Version }),
        _ => throw new ArgumentOutOfRangeException(nameof(result), result.Outcome, "not a refusal"),
    };

    private static IResult BadIfMatch() => Problems.Invalid("If-Match", "must be an ETag of this API such as \"3\", or *");

    private static IResult NotAllowed(StreamRecord stream)
    {
        var status = WireNames<StreamStatus>.Of(stream.Status);
        return Problems.Create(
            StatusCodes.Status409Conflict, ErrorCodes.InvalidTransition, $"The stream is {status}; that is not possible now.",
            new Dictionary<string, object?> { ["status"] = status, ["version"] = stream.Version });
    }

    private static bool TryReadIfMatch(HttpRequest request, out long? version)
    {
        version = null;
        var header = request.Headers.IfMatch.ToString();
        if (header.Length == 0 || header == "*")
        {
            return true;
        }

        var valid = header.Length > 2 && header[0] == '"' && header[^1] == '"'
            && long.TryParse(header.AsSpan(1, header.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var parsed);
        version = valid ? long.Parse(header.AsSpan(1, header.Length - 2), CultureInfo.InvariantCulture) : null;
        return valid;
    }

    private JsonTypeInfo<T> TypeOf<T>() => (JsonTypeInfo<T>)json.Value.SerializerOptions.GetTypeInfo(typeof(T));
}
