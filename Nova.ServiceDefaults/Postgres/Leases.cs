using Npgsql;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>
/// Says which replica does a job (table <c>leases</c>). A lease ends a few seconds after its holder froze, died or vanished, whatever TCP
/// believes of its connection, and it works behind a transaction pooler (S63).
/// </summary>
public sealed class Leases(NpgsqlDataSource dataSource, TimeProvider time)
{
    /// <summary>
    /// How long a job may stand still before another replica takes it over. The relay tries every 0.75 s, so it changes hands within 3 s.
    /// </summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    /// <summary>A holder that renewed within this time works on without asking: one statement a second, not one for each batch.</summary>
    private static readonly TimeSpan RenewAfter = TimeSpan.FromSeconds(1);

    private readonly Guid _holder = Guid.CreateVersion7();

    public Lease For(string job) => new(this, job);

    public sealed class Lease(Leases leases, string job)
    {
        private long _askedAt;
        private bool _isHeld;

        private TimeSpan? _gap;

        /// <summary>The longest time for which nobody had renewed the lease, since this was asked last; null where it has been held all the time.</summary>
        public TimeSpan? TakeGap()
        {
            var gap = _gap;
            _gap = null;
            return gap;
        }

        /// <summary>Takes or keeps the lease. What is done under it must be harmless when done twice: a replica that froze finds out late.</summary>
        public async ValueTask<bool> TryHoldAsync(CancellationToken cancellationToken)
        {
            if (_isHeld && leases.Time.GetElapsedTime(_askedAt) < RenewAfter)
            {
                return true;
            }

            _isHeld = false;
            var asked = leases.Time.GetTimestamp();
            await using var command = leases.DataSource.CreateCommand(
                """
                INSERT INTO leases AS l (job, holder, renewed_at, expires_at) VALUES ($1, $2, clock_timestamp(), clock_timestamp() + $3)
                ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, unheld = clock_timestamp() - l.renewed_at,
                    renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
                WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
                RETURNING l.unheld
                """);
            command.Parameters.Add(new() { Value = job });
            command.Parameters.Add(new() { Value = leases._holder });
            command.Parameters.Add(new() { Value = Duration });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
            {
                return false;
            }

            var gap = await reader.IsDBNullAsync(0, cancellationToken) ? TimeSpan.MaxValue : reader.GetFieldValue<TimeSpan>(0); // Nobody ever had it.
            _gap = _gap > gap ? _gap : gap;
            (_isHeld, _askedAt) = (true, asked);
            return true;
        }

        /// <summary>Gives it up at once, so that a replica that stops in good order leaves no gap.</summary>
        public async Task ReleaseAsync(CancellationToken cancellationToken)
        {
            _isHeld = false;
            await using var command = leases.DataSource.CreateCommand("UPDATE leases SET expires_at = '-infinity' WHERE job = $1 AND holder = $2");
            command.Parameters.Add(new() { Value = job });
            command.Parameters.Add(new() { Value = leases._holder });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private NpgsqlDataSource DataSource => dataSource;

    private TimeProvider Time => time;
}
