using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>Each viewer is an open file here, and another in the server, which inherits this process's limit.</summary>
internal static class FileLimit
{
    /// <summary>Descriptors that are not viewers: epoll, logs, the runtime's own.</summary>
    private const int Others = 300;

    private static readonly Lazy<long> Raised = new(Linux.RaiseFileLimit);

    /// <summary>Raises the limit as far as this process may.</summary>
    /// <exception cref="LoadTestException">That is not far enough.</exception>
    public static void Require(int viewers)
    {
        if (viewers + Others > Raised.Value)
        {
            throw new LoadTestException(
                $"{viewers:N0} viewers need as many open files; this process may have {Raised.Value:N0} and may not raise that itself. "
                + $"First, in the same shell: sudo prlimit --pid $$ --nofile={viewers + Others}");
        }
    }
}
