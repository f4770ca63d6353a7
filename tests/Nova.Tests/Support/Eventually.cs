namespace Nova.Tests.Support;

/// <summary>Waits for a condition that cannot be waited for otherwise: asked again and again until a deadline.</summary>
public static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        using var timeout = new CancellationTokenSource(within ?? Api.Patience);
        while (!await condition())
        {
            if (timeout.IsCancellationRequested)
            {
                throw new Xunit.Sdk.XunitException($"It did not come true that {what}.");
            }

            await Task.Delay(25);
        }
    }
}
