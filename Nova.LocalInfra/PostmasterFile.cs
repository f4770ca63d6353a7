using System.Globalization;

namespace Nova.LocalInfra;

/// <summary>
/// <c>postmaster.pid</c>, by which PostgreSQL knows that a server runs in its folder. After a crash it stays, and where its process id now
/// belongs to another program, PostgreSQL takes that program for the server and does not start.
/// </summary>
internal static class PostmasterFile
{
    /// <summary>Beyond the highest id that Linux gives to a process.</summary>
    private const string NobodysId = "2147483646";

    /// <exception cref="LocalInfraException">A server does run in this folder.</exception>
    public static async Task CheckAsync(string cluster, ServerAccount account, CancellationToken cancellationToken)
    {
        var file = Path.Combine(cluster, "postmaster.pid");
        if (!File.Exists(file) || !Directory.Exists("/proc/self")
            || !int.TryParse((await File.ReadAllLinesAsync(file, cancellationToken)).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            || !Directory.Exists($"/proc/{id}"))
        {
            return; // PostgreSQL sees by itself whether a server is there.
        }

        if (IsServerOf(cluster, id))
        {
            throw new LocalInfraException($"PostgreSQL already runs in {cluster}, as process {id}, which another Nova has left. Stop it: kill -INT {id}");
        }

        // The file stays: by its shared memory PostgreSQL also notices sessions that have outlived their server.
        var (exitCode, output) = await account.RunAsync("/bin/sed", ["-i", $"1s/.*/{NobodysId}/", file], cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalInfraException($"{file} names process {id}, which is no PostgreSQL; delete the file. ({output.Trim()})");
        }
    }

    /// <summary>A server's working folder is its cluster. That of another account's process cannot be read, and is not ours.</summary>
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
