namespace Nova.LocalInfra;

/// <summary>The machine lacks something. The message is one line for a person and says what to do.</summary>
public sealed class LocalInfraException(string message, Exception? inner = null) : Exception(message, inner);
