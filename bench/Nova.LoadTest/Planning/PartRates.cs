using Nova.LoadTest.Systems.Nova;
using Npgsql;

namespace Nova.LoadTest.Planning;

/// <summary>CPU of Nova's parts in µs per second, and PostgreSQL's transactions per second, in one window.</summary>
internal sealed record PartRates(double Gateways, double Redis, double StreamState, double Postgres, double Transactions)
{
    public static PartRates operator -(PartRates a, PartRates b) => new(
        a.Gateways - b.Gateways, a.Redis - b.Redis, a.StreamState - b.StreamState, a.Postgres - b.Postgres, a.Transactions - b.Transactions);

    public static PartRates operator *(PartRates a, double factor) => new(
        a.Gateways * factor, a.Redis * factor, a.StreamState * factor, a.Postgres * factor, a.Transactions * factor);

    /// <summary>Measures while <paramref name="run"/> runs.</summary>
    public static PartRates Measure(NovaSystem nova, Action run)
    {
        var transactions = CommittedTransactions(nova);
        var cpu = nova.CpuOfParts().Measure(run);
        transactions = CommittedTransactions(nova) - transactions;
        double PerSecond(double seconds) => 1e6 * seconds / cpu.Seconds;
        return new PartRates(PerSecond(cpu.Gateways), PerSecond(cpu.Redis), PerSecond(cpu.StreamState), PerSecond(cpu.Postgres), transactions / cpu.Seconds);
    }

    /// <summary>Sessions report with up to a second's delay, the same at both ends of a window.</summary>
    private static long CommittedTransactions(NovaSystem nova)
    {
        using var connection = new NpgsqlConnection(nova.Services.StreamsDatabase + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand("SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database WHERE datname = 'streams'", connection);
        return (long)command.ExecuteScalar()!;
    }
}
