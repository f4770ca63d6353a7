using System.Diagnostics;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>
/// The peers' programs, downloaded once into the user's cache folder and not installed: unpacked Debian packages, and npm packages beside them.
/// </summary>
internal static class PeerCache
{
    private static readonly string Root = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "nova-loadtest");

    private static readonly string Debian = Path.Combine(Root, "debian");
    private static readonly string Npm = Path.Combine(Root, "npm");

    public static string Nginx => Path.Combine(Debian, "usr", "sbin", "nginx");

    public static string NchanModule => Path.Combine(Debian, "usr", "lib", "nginx", "modules", "ngx_nchan_module.so");

    /// <summary>Debian's Redis, one program with several names.</summary>
    public static string Redis => Path.Combine(Debian, "usr", "bin", "redis-server");

    public static string RedisClient => Path.Combine(Debian, "usr", "bin", "redis-cli");

    /// <summary>Library folders of the unpacked packages, for <c>LD_LIBRARY_PATH</c>.</summary>
    public static string Libraries => string.Join(':', Directory.Exists(Debian) ? Directory.GetDirectories(Path.Combine(Debian, "usr", "lib"), "*-linux-gnu") : []);

    public static string NodeModules => Path.Combine(Npm, "node_modules");

    /// <exception cref="LoadTestException">The download failed; the message says what is missing and how to get it.</exception>
    public static async Task GetNchanAsync(CancellationToken cancellationToken)
    {
        if (File.Exists(Nginx) && File.Exists(NchanModule))
        {
            return;
        }

        const string Get = "apt-get download nginx libnginx-mod-nchan";
        Directory.CreateDirectory(Debian);
        await RunAsync("sh", ["-c", $"{Get} && for package in *.deb; do dpkg -x \"$package\" . || exit 1; done"], Debian,
            $"nchan needs the Debian packages nginx and libnginx-mod-nchan. Try: sudo apt-get update && {Get}", cancellationToken);
        if (!File.Exists(Nginx) || !File.Exists(NchanModule))
        {
            throw new LoadTestException("The packages nginx and libnginx-mod-nchan of this distribution lack the program or the module; Debian 12's have both.");
        }
    }

    /// <returns>True if <see cref="Redis"/> exists.</returns>
    public static async Task<bool> TryGetRedisAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Redis))
        {
            try
            {
                Directory.CreateDirectory(Debian);
                await RunAsync("sh", ["-c", "apt-get download redis-server redis-tools libjemalloc2 liblzf1 && for package in *.deb; do dpkg -x \"$package\" . || exit 1; done"],
                    Debian, "redis-server cannot be downloaded", cancellationToken);
            }
            catch (LoadTestException)
            {
                return false;
            }
        }

        return File.Exists(Redis);
    }

    /// <exception cref="LoadTestException">The download failed; the message says what is missing and how to get it.</exception>
    public static async Task GetNpmAsync(string package, string version, CancellationToken cancellationToken)
    {
        var manifest = Path.Combine(NodeModules, package, "package.json");
        if (File.Exists(manifest) && (await File.ReadAllTextAsync(manifest, cancellationToken)).Contains($"\"version\": \"{version}\"", StringComparison.Ordinal))
        {
            return;
        }

        Directory.CreateDirectory(Npm);
        await RunAsync("npm", ["install", "--prefix", Npm, "--no-audit", "--no-fund", "--loglevel", "error", $"{package}@{version}"], Npm,
            $"{package} needs Node.js, npm and an npm registry that has the package. Try: sudo apt-get install nodejs npm; npm view {package}@{version}", cancellationToken);
    }

    private static async Task RunAsync(
        string program, IEnumerable<string> arguments, string folder, string remedy, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = await process.StandardError.ReadToEndAsync(cancellationToken);
            await output;
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
            {
                throw new LoadTestException($"{remedy}\n  {errors.Trim()}");
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new LoadTestException(remedy); // The program itself is not installed.
        }
    }
}
