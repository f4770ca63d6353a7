namespace Nova.LoadTest.Generator;

/// <summary>Reads one number from a message without parsing the JSON.</summary>
internal static class MessageNumber
{
    /// <param name="message">JSON as Nova writes it, without spaces.</param>
    /// <param name="marker">The bytes in front of the digits.</param>
    /// <param name="number">Not negative.</param>
    public static bool TryRead(ReadOnlySpan<byte> message, ReadOnlySpan<byte> marker, out long number)
    {
        number = 0;
        var at = message.IndexOf(marker);
        if (at < 0)
        {
            return false;
        }

        foreach (var digit in message[(at + marker.Length)..])
        {
            if ((uint)(digit - '0') > 9)
            {
                break;
            }

            number = (number * 10) + (digit - '0');
        }

        return true;
    }
}
