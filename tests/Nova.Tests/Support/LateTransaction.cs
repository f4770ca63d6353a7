using Npgsql;

namespace Nova.Tests.Support;

/// <summary>A transaction that has written and does not commit yet: what is written after it is seen before.</summary>
internal sealed class LateTransaction : IAsyncDisposable
{
    /// <summary>Several rounds of whoever reads: time to go past what is not there yet.</summary>
    private static readonly TimeSpan Rounds = TimeSpan.FromSeconds(2);

    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    private LateTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction) => (_connection, _transaction) = (connection, transaction);

    public static async Task<LateTransaction> WriteAsync(string connectionString, string sql, params object[] parameters)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        var late = new LateTransaction(connection, await connection.BeginTransactionAsync());
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters.Select(value => new NpgsqlParameter { Value = value }).ToArray());
        await command.ExecuteNonQueryAsync();
        return late;
    }

    public async Task CommitLaterAsync()
    {
        await Task.Delay(Rounds);
        await _transaction.CommitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
