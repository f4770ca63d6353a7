using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>
/// What every changing call has in common: who may, <c>If-Match</c>, <c>Idempotency-Key</c>, and the answer for each way it can go.
/// </summary>
internal sealed class PublisherCalls(StreamStore store, StreamQueries queries, ActiveStreams active, NpgsqlDataSource dataSource, IOptions<JsonOptions> json)
{
    public async Task<IResult> CreateAsync(HttpContext http, Caller caller, CreateStreamRequest request, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var stream = request.Validate(caller, errors);
        var key = ReadKey(http, caller, request, errors);
        return errors.Any ? Problems.Invalid(errors.All)
            : !caller.MayPublish(stream.BroadcasterId) ? StreamProblems.Forbidden()
            : await OnceAsync(key, () => store.CreateAsync(stream, key, cancellationToken), cancellationToken);
    }

    /// <param name="body">Of the request, which its Idempotency-Key belongs to; null where it has none.</param>
    /// <param name="errors">What is wrong with the body.</param>
    public async Task<IResult> ApplyAsync(
        HttpContext http, string id, object? body, FieldErrors errors, StreamCommand command, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(http);
        var key = ReadKey(http, caller, body, errors);
        if (!IfMatch.TryRead(http.Request.Headers.IfMatch, out var ifMatch))
        {
            errors.Add("If-Match", StreamProblems.IfMatchRule);
        }

        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (!Uuid.TryParse(id, out var streamId))
        {
            return StreamProblems.NotFound();
        }

        var change = new StreamChange(command, caller, ifMatch, key);
        return await OnceAsync(key, () => store.ChangeAsync(streamId, change, cancellationToken), cancellationToken);
    }

    /// <summary>For calls that change no state: the stream, if this caller may publish on it and it is on; else the answer that says why not.</summary>
    public async Task<(StreamRecord? Stream, IResult? Refusal)> FindForPublisherAsync(
        HttpRequest request, Caller caller, string id, CancellationToken cancellationToken)
    {
        // A condition is about the very latest version.
        var isConditional = request.Headers.IfMatch.Count > 0;
        if (!Uuid.TryParse(id, out var streamId)
            || await (isConditional ? new(queries.FindAsync(streamId, cancellationToken)) : active.FindAsync(streamId, cancellationToken)) is not { } stream)
        {
            return (null, StreamProblems.NotFound());
        }

        return !caller.MayPublish(stream.BroadcasterId) ? (null, StreamProblems.Forbidden())
            : !IfMatch.TryRead(request.Headers.IfMatch, out var ifMatch) ? (null, Problems.Invalid("If-Match", StreamProblems.IfMatchRule))
            : !ifMatch.Allows(stream.Version) ? (null, StreamProblems.VersionMismatch(stream))
            : stream.Status != StreamStatus.Active ? (null, StreamProblems.NotAllowed(stream))
            : (stream, null);
    }

    private IdempotencyKey? ReadKey(HttpContext http, Caller caller, object? body, FieldErrors errors)
    {
        var key = http.Request.Headers["Idempotency-Key"].ToString();
        if (key.Length == 0)
        {
            return null;
        }

        if (key.Length > IdempotencyKey.MaxLength || key.Contains('\0'))
        {
            errors.Add("Idempotency-Key", $"must have at most {IdempotencyKey.MaxLength} characters");
        }

        var bytes = body is null ? [] : JsonSerializer.SerializeToUtf8Bytes(body, json.Value.SerializerOptions.GetTypeInfo(body.GetType()));
        return new IdempotencyKey(caller.Subject, key, IdempotencyKey.FingerprintOf(http.Request, bytes));
    }

    /// <summary>Does it, or repeats the answer of the request with the same Idempotency-Key.</summary>
    private async Task<IResult> OnceAsync(IdempotencyKey? key, Func<Task<ChangeResult>> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (key is not null && await IdempotencyRecord.FindAsync(dataSource, key, cancellationToken) is var (fingerprint, saved))
            {
                return fingerprint.AsSpan().SequenceEqual(key.Fingerprint) ? saved : Problems.Create(
                    StatusCodes.Status422UnprocessableEntity, ErrorCodes.IdempotencyKeyReused, "This Idempotency-Key was used with a different request.");
            }

            var result = await change();
            if (result.Outcome is ChangeOutcome.Changed or ChangeOutcome.Unchanged)
            {
                return result.Answer!;
            }

            // A request with the same key may have made the very change that now stands in the way: then its answer can be read by now.
            var mayBeAnswered = result.Outcome is ChangeOutcome.NotAllowed or ChangeOutcome.VersionMismatch or ChangeOutcome.IdTaken;
            if (result.Outcome != ChangeOutcome.Replayed
                && !(mayBeAnswered && key is not null && await IdempotencyRecord.FindAsync(dataSource, key, cancellationToken) is not null))
            {
                return StreamProblems.Of(result);
            }
        }
    }
}
