using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>An <c>Idempotency-Key</c> and the request it came with.</summary>
/// <param name="Subject">Keys are the caller's own: two callers may use the same one.</param>
/// <param name="Fingerprint">Of method, path and body: one key means one request.</param>
internal sealed record IdempotencyKey(string Subject, string Key, byte[] Fingerprint)
{
    public const int MaxLength = 255;

    public static byte[] FingerprintOf(HttpRequest request, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}\n"));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }
}

/// <summary>The answers to POSTs that carried an <c>Idempotency-Key</c>, each saved in the transaction of the change it answers.</summary>
internal static class IdempotencyRecord
{
    /// <summary>The answer given before, and to what; null where the key is new.</summary>
    public static async Task<(byte[] Fingerprint, StreamResult Answer)?> FindAsync(NpgsqlDataSource dataSource, IdempotencyKey key, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT fingerprint, status, stream_id, version, body FROM idempotency_keys WHERE subject = $1 AND key = $2");
        command.Parameters.Add(new() { Value = key.Subject });
        command.Parameters.Add(new() { Value = key.Key });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (reader.GetFieldValue<byte[]>(0),
                new StreamResult(reader.GetInt32(1), reader.GetGuid(2), reader.GetInt64(3), reader.GetString(4)))
            : null;
    }

    /// <returns>False where the key was used meanwhile; the transaction must not commit then.</returns>
    public static async Task<bool> TrySaveAsync(NpgsqlConnection connection, IdempotencyKey key, StreamResult answer, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO idempotency_keys (subject, key, fingerprint, status, stream_id, version, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (subject, key) DO NOTHING
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = key.Subject },
                new() { Value = key.Key },
                new() { Value = key.Fingerprint },
                new() { Value = answer.Status },
                new() { Value = answer.StreamId },
                new() { Value = answer.Version },
                new() { Value = answer.Body },
            },
        };
        return await insert.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
