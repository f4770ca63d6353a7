namespace Nova.LoadTest;

/// <summary>The run cannot continue. The message is for the user at the terminal and says what to do.</summary>
internal sealed class LoadTestException(string message) : Exception(message);
