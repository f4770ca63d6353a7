using Npgsql;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>Reads columns by name: a column that is added or moved in a SELECT must not shift what the others are read as.</summary>
public static class NamedColumns
{
    public static T Get<T>(this NpgsqlDataReader reader, string column) => reader.GetFieldValue<T>(reader.GetOrdinal(column));

    /// <returns>Null where the column is null.</returns>
    public static T? Find<T>(this NpgsqlDataReader reader, string column)
        where T : struct => reader.GetOrdinal(column) is var ordinal && reader.IsDBNull(ordinal) ? null : reader.GetFieldValue<T>(ordinal);

    /// <returns>Null where the column is null.</returns>
    public static string? FindText(this NpgsqlDataReader reader, string column) =>
        reader.GetOrdinal(column) is var ordinal && reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);
}
