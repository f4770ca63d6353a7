namespace Nova.LoadTest.Measuring;

/// <summary>Waits until no process outside this run uses the machine.</summary>
internal static class QuietMachine
{
    public static async Task WaitAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var until = TimeProvider.System.GetTimestamp() + (long)(timeout.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (TimeProvider.System.GetTimestamp() < until)
        {
            var window = new CpuWindow([]);
            window.Begin();
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            if (window.End().ForeignShare < CpuUse.MaxForeignShare)
            {
                return;
            }
        }
    }
}
