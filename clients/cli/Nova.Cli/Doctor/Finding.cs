namespace Nova.Cli.Doctor;

internal enum Outcome
{
    Healthy,
    Faulty,

    /// <summary>Something before it is faulty, or the profile's token does not allow it.</summary>
    Skipped,
}

/// <param name="Check">What was looked at.</param>
/// <param name="Remedy">What to do about it.</param>
internal sealed record Finding(string Check, Outcome Outcome, string Detail, string? Remedy = null);

/// <summary>A check found a fault; the examination goes on where it can.</summary>
internal sealed class FaultException(string detail, string remedy) : Exception(detail)
{
    public string Remedy => remedy;
}
