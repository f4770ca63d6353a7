namespace Nova.LoadTest.Measuring;

/// <summary>
/// Keeps idle cores from halting until this process ends. In a virtual machine it is the host that wakes a halted core, which costs as much as
/// several sends, and the process that is woken pays for it: a server with something to do every millisecond would be measured by its host.
/// </summary>
internal static class AwakeCores
{
    private const string Device = "/dev/cpu_dma_latency"; // The kernel's PM QoS: the latency asked for holds while the file is open.

    private static FileStream? _open;

    /// <exception cref="LoadTestException">This process may not ask for it.</exception>
    public static void Keep()
    {
        try
        {
            _open ??= new FileStream(Device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            _open.Write(BitConverter.GetBytes(0)); // Microseconds.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LoadTestException($"--awake needs to write to {Device}, which root may: {exception.Message}");
        }
    }
}
