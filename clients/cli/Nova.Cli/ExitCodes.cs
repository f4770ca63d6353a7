namespace Nova.Cli;

/// <summary>What a script can rely on; README lists them.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>Nova refused it, or the stream is closed for this viewer.</summary>
    public const int Refused = 1;

    /// <summary>An argument, a file or a profile is wrong.</summary>
    public const int Usage = 2;

    public const int Unreachable = 3;

    /// <summary><c>nova doctor</c> found a fault.</summary>
    public const int Unhealthy = 4;

    /// <summary>Ctrl+C, as shells count it.</summary>
    public const int Interrupted = 130;
}

/// <summary>An argument, a file or a profile is wrong; the message names it and says what to do.</summary>
internal sealed class UsageException(string message) : Exception(message);
