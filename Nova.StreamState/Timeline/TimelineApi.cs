using System.Globalization;
using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Nova.ServiceDefaults.Security;
using Npgsql;

namespace Nova.StreamState.Timeline;

/// <summary>The timeline of all streams, for Telemetry, which asks again and again for what comes after its position.</summary>
internal static class TimelineApi
{
    private const int MaxPageSize = 5000;

    public static void MapTimelineApi(this WebApplication app) =>
        app.MapInternal().MapGet("/timeline", ReadAsync);

    private static async Task<IResult> ReadAsync(string? after, string? limit, NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var position = Position.Read(after, errors);
        var size = errors.Limit("limit", limit, MaxPageSize, MaxPageSize);
        return errors.Any ? Problems.Invalid(errors.All) : TypedResults.Ok(await QueryAsync(position, size, dataSource, cancellationToken));
    }

    private static async Task<TimelinePage> QueryAsync(Position after, int size, NpgsqlDataSource dataSource, CancellationToken cancellationToken)
    {
        // A position of transactions that are still to come is of another database: of one that was restored from a dump, for example.
        await using var select = dataSource.CreateCommand(
            """
            WITH after AS (SELECT CASE WHEN $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) THEN $1::xid8 ELSE '0'::xid8 END AS transaction)
            SELECT t.transaction::text, t.id, t.stream_id, t.kind, t.version, t.happened_at, t.data, t.viewer_count, t.bitrate_kbps, t.health
            FROM timeline t, after
            WHERE (t.transaction, t.id) > (after.transaction, $2) AND t.transaction < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY t.transaction, t.id LIMIT $3
            """);
        select.Parameters.Add(new() { Value = after.Transaction.ToString(CultureInfo.InvariantCulture) });
        select.Parameters.Add(new() { Value = after.Id });
        select.Parameters.Add(new() { Value = size });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<TimelineEntry> entries = [];
        var position = after;
        while (await reader.ReadAsync(cancellationToken))
        {
            position = new(ulong.Parse(reader.Get<string>("transaction"), CultureInfo.InvariantCulture), reader.Get<long>("id"));
            entries.Add(new(
                reader.Get<Guid>("stream_id"),
                reader.Get<string>("kind"),
                reader.Get<long>("version"),
                reader.Get<DateTimeOffset>("happened_at"),
                reader.FindText("data") is { } data ? JsonElement.Parse(data) : null,
                reader.Find<int>("viewer_count"),
                reader.Find<int>("bitrate_kbps"),
                reader.FindText("health") is { } health ? WireNames<StreamHealth>.Parse(health) : null));
        }

        return new(entries, position.ToString());
    }

    /// <summary>Where a reader is: the transaction and the number of the last entry it has.</summary>
    private readonly record struct Position(ulong Transaction, long Id)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Transaction}-{Id}");

        public static Position Read(string? value, FieldErrors errors)
        {
            if (string.IsNullOrEmpty(value))
            {
                return default;
            }

            if (value.Split('-') is [var transaction, var id] && ulong.TryParse(transaction, out var first) && long.TryParse(id, out var second))
            {
                return new(first, second);
            }

            errors.Add("after", "must be a position that this API returned");
            return default;
        }
    }
}
