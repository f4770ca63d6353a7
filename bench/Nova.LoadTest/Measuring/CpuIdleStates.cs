namespace Nova.LoadTest.Measuring;

/// <summary>
/// Disables the CPU's idle states until this process ends. In a virtual machine the host wakes a halted core; that costs as much as several
/// sends and counts as CPU time of the woken process. For a server that wakes every millisecond, the figures would measure the host.
/// </summary>
internal static class CpuIdleStates
{
    private const string Device = "/dev/cpu_dma_latency"; // PM QoS: the requested latency applies while the file is open.

    private static FileStream? _open;

    /// <exception cref="LoadTestException">This process may not write to the device.</exception>
    public static void Disable()
    {
        try
        {
            _open ??= new FileStream(Device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            _open.Write(BitConverter.GetBytes(0)); // Microseconds.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LoadTestException($"--awake requires root, because it writes to {Device}: {exception.Message}");
        }
    }
}
