namespace Nova.LoadTest;

/// <summary>A run cannot go on; the message is for the person at the terminal and says what to do.</summary>
internal sealed class LoadTestException(string message) : Exception(message);
