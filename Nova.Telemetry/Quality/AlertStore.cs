using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Nova.Telemetry.Issues;
using Npgsql;

namespace Nova.Telemetry.Quality;

/// <summary>The alerts in Postgres.</summary>
internal sealed class AlertStore(NpgsqlDataSource dataSource)
{
    private const string Columns =
        """
        alert_id, stream_id, change_at, change_kind, issue_type, summary, lift, lift_low, lift_high, p_value, viewers, audience, window_seconds, rate_before, rate_after,
        raised_at, cleared_at
        """;

    /// <returns>False where the change has been judged for this type before.</returns>
    public async Task<bool> TryRaiseAsync(QualityAlert alert, CancellationToken cancellationToken)
    {
        await using var insert = dataSource.CreateCommand(
            $"INSERT INTO quality_alerts ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, NULL) ON CONFLICT DO NOTHING");
        insert.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = alert.AlertId },
            new() { Value = alert.StreamId },
            new() { Value = alert.ChangeAt },
            new() { Value = alert.ChangeKind },
            new() { Value = WireNames<IssueType>.Of(alert.IssueType) },
            new() { Value = alert.Summary },
            new() { Value = alert.Lift ?? (object)DBNull.Value },
            new() { Value = alert.LiftLow },
            new() { Value = alert.LiftHigh ?? (object)DBNull.Value },
            new() { Value = alert.PValue },
            new() { Value = alert.Viewers },
            new() { Value = alert.Audience },
            new() { Value = alert.WindowSeconds },
            new() { Value = alert.RateBefore },
            new() { Value = alert.RateAfter },
            new() { Value = alert.RaisedAt },
        });
        return await insert.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    public async Task<List<OpenAlert>> ReadOpenAsync(CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand($"SELECT {Columns}, calm_since FROM quality_alerts WHERE cleared_at IS NULL");
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<OpenAlert> open = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            open.Add(new(Read(reader), reader.Find<DateTimeOffset>("calm_since")));
        }

        return open;
    }

    /// <param name="since">Null: it is not calm any more.</param>
    public Task SetCalmAsync(Guid alertId, DateTimeOffset? since, CancellationToken cancellationToken) =>
        UpdateAsync("calm_since = $2", alertId, since, cancellationToken);

    public Task ClearAsync(Guid alertId, DateTimeOffset at, CancellationToken cancellationToken) =>
        UpdateAsync("cleared_at = $2, cleared_in = pg_current_xact_id()", alertId, at, cancellationToken);

    public async Task<List<QualityAlert>> ListAsync(Guid? streamId, bool? isOpen, PageCursor? after, int rows, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            SELECT {Columns} FROM quality_alerts
            WHERE ($1::uuid IS NULL OR stream_id = $1) AND ($2::boolean IS NULL OR (cleared_at IS NULL) = $2)
              AND ($3::timestamptz IS NULL OR (raised_at, alert_id) < ($3, $4))
            ORDER BY raised_at DESC, alert_id DESC LIMIT $5
            """);
        select.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = streamId ?? (object)DBNull.Value },
            new() { Value = isOpen ?? (object)DBNull.Value },
            new() { Value = after?.Time ?? (object)DBNull.Value },
            new() { Value = after?.Id ?? Guid.Empty },
            new() { Value = rows },
        });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<QualityAlert> alerts = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            alerts.Add(Read(reader));
        }

        return alerts;
    }

    /// <summary>Alerts that were raised or cleared after a position, oldest first. One that was cleared comes twice.</summary>
    public async Task<List<(FeedPosition Position, bool IsCleared, QualityAlert Alert)>> ReadChangedAsync(
        Guid? streamId, FeedPosition after, ulong before, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            SELECT changed_in::text, is_cleared, {Columns}
            FROM (SELECT *, raised_in AS changed_in, false AS is_cleared FROM quality_alerts
                  UNION ALL SELECT *, cleared_in, true FROM quality_alerts WHERE cleared_at IS NOT NULL) AS changes
            WHERE ($1::uuid IS NULL OR stream_id = $1) AND (changed_in, alert_id) > ($2::xid8, $3) AND changed_in < $4::xid8
            ORDER BY changes.changed_in, alert_id
            """);
        select.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = streamId ?? (object)DBNull.Value }, new() { Value = after.TransactionText }, new() { Value = after.Id },
            new() { Value = FeedPosition.Text(before) },
        });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<(FeedPosition, bool, QualityAlert)> changes = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var alert = Read(reader);
            changes.Add((FeedPosition.Of(reader.Get<string>("changed_in"), alert.AlertId), reader.Get<bool>("is_cleared"), alert));
        }

        return changes;
    }

    private async Task UpdateAsync(string set, Guid alertId, DateTimeOffset? at, CancellationToken cancellationToken)
    {
        await using var update = dataSource.CreateCommand($"UPDATE quality_alerts SET {set} WHERE alert_id = $1");
        update.Parameters.Add(new() { Value = alertId });
        update.Parameters.Add(new() { Value = at ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz });
        await update.ExecuteNonQueryAsync(cancellationToken);
    }

    private static QualityAlert Read(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("alert_id"),
        reader.Get<Guid>("stream_id"),
        reader.Get<DateTimeOffset>("change_at"),
        reader.Get<string>("change_kind"),
        WireNames<IssueType>.Parse(reader.Get<string>("issue_type")),
        reader.Get<string>("summary"),
        reader.Find<double>("lift"),
        reader.Get<double>("lift_low"),
        reader.Find<double>("lift_high"),
        reader.Get<double>("p_value"),
        reader.Get<int>("viewers"),
        reader.Get<int>("audience"),
        reader.Get<double>("window_seconds"),
        reader.Get<double>("rate_before"),
        reader.Get<double>("rate_after"),
        reader.Get<DateTimeOffset>("raised_at"),
        reader.Find<DateTimeOffset>("cleared_at"));
}

/// <param name="CalmSince">Since when the reports are as few as before; null while they are not.</param>
internal sealed record OpenAlert(QualityAlert Alert, DateTimeOffset? CalmSince);
