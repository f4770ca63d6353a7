namespace Nova.AppHost;

/// <summary>The folder of the local PostgreSQL where none is configured: <c>.nova</c>, or <c>.nova-2</c> and so on for further AppHosts of the same clone.</summary>
internal static class DataFolder
{
    private const int Most = 9;

    /// <summary>Held until the process ends; the system releases it then, whatever ended it.</summary>
    private static FileStream? s_lock;

    public static string Take(string parent)
    {
        for (var copy = 1; copy < Most; copy++)
        {
            var folder = Path.Combine(parent, copy == 1 ? ".nova" : $".nova-{copy}");
            try
            {
                Directory.CreateDirectory(folder);
                s_lock = new FileStream(Path.Combine(folder, "apphost.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                return folder;
            }
            catch (IOException)
            {
                // Another AppHost of this clone runs.
            }
            catch (UnauthorizedAccessException)
            {
                return folder; // Another account's; Nova.LocalInfra says so in a sentence.
            }
        }

        return Path.Combine(parent, $".nova-{Most}");
    }
}
