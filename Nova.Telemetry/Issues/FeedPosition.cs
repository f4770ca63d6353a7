using System.Globalization;

namespace Nova.Telemetry.Issues;

/// <summary>A place in the operators' feed: what was stored by an earlier transaction comes before. The id of a server-sent event.</summary>
internal readonly record struct FeedPosition(ulong Transaction, Guid Id) : IComparable<FeedPosition>
{
    public string TransactionText => Text(Transaction);

    public static FeedPosition Of(string transaction, Guid id) => new(ulong.Parse(transaction, CultureInfo.InvariantCulture), id);

    public static string Text(ulong transaction) => transaction.ToString(CultureInfo.InvariantCulture);

    public static bool TryParse(string text, out FeedPosition position)
    {
        position = default;
        if (text.Split('_') is not [var transaction, var id]
            || !ulong.TryParse(transaction, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || !Guid.TryParseExact(id, "D", out var guid))
        {
            return false;
        }

        position = new(number, guid);
        return true;
    }

    /// <summary>Ids in the order of Postgres, byte by byte, which is not the order of <see cref="Guid.CompareTo(Guid)"/> for its own byte layout.</summary>
    public int CompareTo(FeedPosition other)
    {
        var order = Transaction.CompareTo(other.Transaction);
        return order != 0 ? order : Id.ToByteArray(bigEndian: true).AsSpan().SequenceCompareTo(other.Id.ToByteArray(bigEndian: true));
    }

    public override string ToString() => $"{TransactionText}_{Id:D}";
}
