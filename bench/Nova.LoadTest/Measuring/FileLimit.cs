using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>Each viewer needs one open file in this process and one in the server, which inherits this process's limit.</summary>
internal static class FileLimit
{
    /// <summary>Descriptors for everything but viewers: epoll, logs, the runtime.</summary>
    private const int ReservedDescriptors = 300;

    private static readonly Lazy<long> Raised = new(Linux.RaiseFileLimit);

    /// <summary>Raises the limit as far as this process may.</summary>
    /// <exception cref="LoadTestException">The limit is still too low.</exception>
    public static void Require(int viewers)
    {
        if (viewers + ReservedDescriptors > Raised.Value)
        {
            throw new LoadTestException(
                $"{viewers:N0} viewers need as many open files; this process may have {Raised.Value:N0} and may not raise the limit itself. "
                + $"First run, in the same shell: sudo prlimit --pid $$ --nofile={viewers + ReservedDescriptors}");
        }
    }
}
