using System.Diagnostics;

namespace Nova.LoadTest.Systems;

/// <summary>Where this program's sources are: it builds the services it measures.</summary>
internal static class Repository
{
    private const string Solution = "Nova.Aspire.sln";

    public static string Root { get; } = Find();

    /// <summary>What is measured, as git describes it; with "-dirty" where it differs from what is committed.</summary>
    public static string Commit()
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", ["-C", Root, "describe", "--always", "--dirty"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var text = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return text.Length > 0 ? text : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown"; // Without git the sources came some other way.
        }
    }

    private static string Find()
    {
        foreach (var start in new[] { AppContext.BaseDirectory, Environment.CurrentDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, Solution)))
                {
                    return folder.FullName;
                }
            }
        }

        throw new LoadTestException($"{Solution} is in no folder above this program or the current folder; run it inside a clone of Nova.");
    }
}
