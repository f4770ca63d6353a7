namespace Nova.Tests.Support;

/// <summary>Polls a condition until a deadline, for conditions that signal no change.</summary>
public static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        using var timeout = new CancellationTokenSource(within ?? Api.Patience);
        while (!await condition())
        {
            if (timeout.IsCancellationRequested)
            {
                throw new Xunit.Sdk.XunitException($"This did not become true in time: {what}.");
            }

            await Task.Delay(25);
        }
    }
}
