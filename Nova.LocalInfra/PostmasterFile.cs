using System.Globalization;

namespace Nova.LocalInfra;

/// <summary>
/// <c>postmaster.pid</c> tells PostgreSQL that a server runs in its folder. The file survives a crash. If another program has got its process id
/// since, PostgreSQL takes that program for the server and does not start.
/// </summary>
internal static class PostmasterFile
{
    /// <summary>Higher than any process id of Linux.</summary>
    private const string UnusedProcessId = "2147483646";

    /// <summary>Replaces the process id of a server that no longer runs.</summary>
    /// <exception cref="LocalInfraException">A server runs in this folder.</exception>
    public static async Task CheckAsync(string cluster, ServerAccount account, CancellationToken cancellationToken)
    {
        var file = Path.Combine(cluster, "postmaster.pid");
        if (!File.Exists(file) || !Directory.Exists("/proc/self")
            || !int.TryParse((await File.ReadAllLinesAsync(file, cancellationToken)).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            || !Directory.Exists($"/proc/{id}"))
        {
            return; // PostgreSQL itself detects whether the server still runs.
        }

        if (IsServerOf(cluster, id))
        {
            throw new LocalInfraException($"PostgreSQL already runs in {cluster}, as process {id}, left over from another Nova. Stop it: kill -INT {id}");
        }

        // The file must stay: with its shared memory id, PostgreSQL also detects sessions that have outlived their server.
        var (exitCode, output) = await account.RunAsync("/bin/sed", ["-i", $"1s/.*/{UnusedProcessId}/", file], cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalInfraException($"{file} names process {id}, which is not PostgreSQL. Delete the file. ({output.Trim()})");
        }
    }

    /// <summary>A server's working folder is its cluster. A process with an unreadable folder belongs to another account.</summary>
    private static bool IsServerOf(string cluster, int id)
    {
        try
        {
            return new FileInfo($"/proc/{id}/cwd").LinkTarget == cluster;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
