using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>Remembers the answers to POSTs that carried an <c>Idempotency-Key</c>, each in the transaction of the change it answers.</summary>
/// <param name="Subject">Keys are the caller's own: two callers may use the same one.</param>
/// <param name="Fingerprint">Of method, path and body: one key means one request.</param>
/// <param name="Respond">The answer for the changed stream.</param>
internal sealed record IdempotentAnswer(string Subject, string Key, byte[] Fingerprint, Func<StreamRecord, LiveNumbers?, StreamAnswer> Respond)
{
    public const int MaxKeyLength = 255;

    public static byte[] FingerprintOf<T>(HttpRequest request, T body, JsonTypeInfo<T> type)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}\n"));
        hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(body, type));
        return hash.GetHashAndReset();
    }

    /// <summary>The answer given before, and to what; null where the key is new.</summary>
    public async Task<(byte[] Fingerprint, StreamAnswer Answer)?> FindAsync(NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT fingerprint, status, stream_id, version, body FROM idempotency_keys WHERE subject = $1 AND key = $2");
        command.Parameters.Add(new() { Value = Subject });
        command.Parameters.Add(new() { Value = Key });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (reader.GetFieldValue<byte[]>(0),
                new StreamAnswer(reader.GetInt32(1), reader.GetGuid(2), reader.GetInt64(3), reader.GetString(4)))
            : null;
    }

    /// <returns>False where the key was used meanwhile; the transaction must not commit then.</returns>
    public async Task<bool> TrySaveAsync(NpgsqlConnection connection, StreamRecord stream, LiveNumbers? live, CancellationToken cancellationToken)
    {
        var answer = Respond(stream, live);
        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO idempotency_keys (subject, key, fingerprint, status, stream_id, version, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (subject, key) DO NOTHING
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = Subject },
                new() { Value = Key },
                new() { Value = Fingerprint },
                new() { Value = answer.Status },
                new() { Value = answer.StreamId },
                new() { Value = answer.Version },
                new() { Value = answer.Body },
            },
        };
        return await insert.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
