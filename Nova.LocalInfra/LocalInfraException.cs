namespace Nova.LocalInfra;

/// <summary>A local server cannot start on this machine. The message is one line for the user and says what to do.</summary>
public sealed class LocalInfraException(string message, Exception? inner = null) : Exception(message, inner);
