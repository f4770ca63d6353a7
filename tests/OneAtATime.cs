namespace Nova.TestSupport;

/// <summary>
/// Holds a file that every test project wants, so that one runs at a time. <c>dotnet test</c> of the solution starts them together; on two cores 23 of 1,562
/// tests then missed a deadline.
/// </summary>
internal static class OneAtATime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    public static async Task<IDisposable> EnterAsync()
    {
        var path = Path.Combine(Path.GetTempPath(), $"nova-tests-{Environment.UserName}.lock");
        for (var waited = TimeSpan.Zero; ; waited += TimeSpan.FromSeconds(1))
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (waited < Patience)
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }
    }
}
