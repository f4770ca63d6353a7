using Nova.Protocol;
using Nova.Tests.Support;
using Npgsql;
using NpgsqlTypes;

namespace Nova.Tests.Telemetry;

/// <summary>Puts a past into Telemetry's database: what a test cannot wait for.</summary>
internal sealed class TelemetryData(NovaFixture nova) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource = NpgsqlDataSource.Create(nova.Stack.ConnectionString("telemetry"));

    public async Task<int> ExecuteAsync(string sql, params object[] parameters)
    {
        await using var command = _dataSource.CreateCommand(sql);
        command.Parameters.AddRange(parameters.Select(value => new NpgsqlParameter { Value = value }).ToArray());
        return await command.ExecuteNonQueryAsync();
    }

    public async Task<T?> ScalarAsync<T>(string sql, params object[] parameters)
    {
        await using var command = _dataSource.CreateCommand(sql);
        command.Parameters.AddRange(parameters.Select(value => new NpgsqlParameter { Value = value }).ToArray());
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public Task AudienceAsync(string streamId, DateTimeOffset at, int viewers) => ExecuteAsync(
        "INSERT INTO timeline (stream_id, happened_at, kind, version, viewer_count) VALUES ($1, $2, 'sample', 0, $3)", Guid.Parse(streamId), at, viewers);

    public Task QualityAsync(string streamId, DateTimeOffset at, string from, string to) => ExecuteAsync(
        "INSERT INTO timeline (stream_id, happened_at, kind, version, data) VALUES ($1, $2, 'quality_changed', 7, json_build_object('previous_quality', $3::text, 'new_quality', $4::text))",
        Guid.Parse(streamId), at, from, to);

    /// <summary>So many viewers report once each, evenly spread.</summary>
    public async Task ReportAsync(
        string streamId, DateTimeOffset from, DateTimeOffset to, int viewers, string type = "buffering", string severity = "high", string browser = "Firefox 140")
    {
        await using var connection = await _dataSource.OpenConnectionAsync();
        await using var writer = await connection.BeginBinaryImportAsync(
            "COPY issues (issue_id, stream_id, viewer_id, session_id, issue_type, severity, description, browser, bandwidth_estimate_kbps, reported_at) FROM STDIN (FORMAT BINARY)");
        for (var i = 0; i < viewers; i++)
        {
            var at = (from + ((to - from) * ((i + 0.5) / viewers))).TruncateToMilliseconds();
            await writer.StartRowAsync();
            await writer.WriteAsync(Guid.CreateVersion7(at), NpgsqlDbType.Uuid);
            await writer.WriteAsync(Guid.Parse(streamId), NpgsqlDbType.Uuid);
            await writer.WriteAsync(Guid.NewGuid(), NpgsqlDbType.Uuid);
            await writer.WriteAsync("scripted", NpgsqlDbType.Text);
            await writer.WriteAsync(type, NpgsqlDbType.Text);
            await writer.WriteAsync(severity, NpgsqlDbType.Text);
            await writer.WriteAsync("", NpgsqlDbType.Text);
            await writer.WriteAsync(browser, NpgsqlDbType.Text);
            await writer.WriteAsync(3000L, NpgsqlDbType.Bigint);
            await writer.WriteAsync(at.UtcDateTime, NpgsqlDbType.TimestampTz);
        }

        await writer.CompleteAsync();
    }

    public ValueTask DisposeAsync() => _dataSource.DisposeAsync();
}
