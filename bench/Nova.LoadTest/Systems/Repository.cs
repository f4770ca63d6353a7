using System.Diagnostics;

namespace Nova.LoadTest.Systems;

/// <summary>Locates the repository, because this program builds the services it measures.</summary>
internal static class Repository
{
    private const string Solution = "Nova.Aspire.sln";

    public static string Root { get; } = Find();

    /// <summary>The measured commit, as git describes it; with "-dirty" if the work tree has changes.</summary>
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
            return "unknown"; // git is not installed.
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

        throw new LoadTestException($"No folder above this program or the current folder contains {Solution}. Run Nova.LoadTest inside a clone of Nova.");
    }
}
