using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Nova.LocalInfra;

/// <summary>
/// Who runs PostgreSQL's programs, and where. It refuses to run as root, so root lets another account do it; that account must be able to
/// reach the folder, which it often cannot below root's home.
/// </summary>
internal sealed class ServerAccount
{
    private static readonly string[] Names = ["postgres", "nobody"];

    private readonly string? _user;

    private ServerAccount(string folder, string? user)
    {
        Folder = folder;
        _user = user;
    }

    /// <summary>Where the cluster goes: the folder asked for, or one the account can reach.</summary>
    public string Folder { get; }

    public static async Task<ServerAccount> ChooseAsync(string folder, CancellationToken cancellationToken)
    {
        folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(folder);
        if (OperatingSystem.IsWindows() || Environment.UserName != "root")
        {
            return new ServerAccount(folder, null);
        }

        foreach (var name in Names)
        {
            var account = new ServerAccount(folder, name);
            if ((await account.RunAsync("/bin/true", [], cancellationToken)).ExitCode != 0)
            {
                continue;
            }

            if ((await account.RunAsync("/usr/bin/test", ["-x", folder], cancellationToken)).ExitCode != 0)
            {
                account = new ServerAccount(SharedFolderFor(folder), name);
                await account.MakeSharedFolderAsync(cancellationToken);
            }

            account.GiveAway(account.Folder);
            return account;
        }

        throw new LocalInfraException("PostgreSQL does not run as root, and neither the account postgres nor nobody can be used; run Nova as an ordinary user.");
    }

    /// <summary>The same elsewhere for the same folder asked for, so that its data is found again.</summary>
    internal static string SharedFolderFor(string folder) =>
        $"/var/tmp/nova-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(folder))).AsSpan(0, 6))}";

    /// <summary>
    /// Everybody can make files in <c>/var/tmp</c>, and its name can be foreseen: a link there would have root give away whatever it points to.
    /// Once the folder is known to be root's or the account's, nobody else can put another in its place, since <c>/var/tmp</c> is sticky.
    /// </summary>
    private async Task MakeSharedFolderAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var complaint = new FileInfo(Folder).LinkTarget is not null ? "is a link"
            : !Directory.Exists(Folder) ? "is not a folder"
            : !await IsOwnerAsync(null, cancellationToken) && !await IsOwnerAsync(_user, cancellationToken) ? "belongs to somebody else"
            : null;
        if (complaint is not null)
        {
            throw new LocalInfraException(
                $"{Folder}, where root's PostgreSQL keeps its data, {complaint}. Delete it, or choose with --data a folder that the account {_user} can reach.");
        }
    }

    private async Task<bool> IsOwnerAsync(string? user, CancellationToken cancellationToken) =>
        (await new ServerAccount(Folder, user).RunAsync("/usr/bin/test", ["-O", Folder], cancellationToken)).ExitCode == 0;

    /// <summary>A new file of the account's with a secret in it. Never follows a link: the account may have put one there.</summary>
    public void WriteSecret(string file, string secret)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(file, options))
        {
            writer.Write(secret);
        }

        GiveAway(file);
    }

    /// <summary>Makes the account the owner of a file or folder, and keeps others out.</summary>
    public void GiveAway(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, Directory.Exists(path)
                ? UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                : UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        if (_user is not null)
        {
            using var chown = Process.Start("chown", ["--no-dereference", _user, path]);
            chown.WaitForExit();
        }
    }

    public ProcessStartInfo Command(string program, IEnumerable<string> arguments)
    {
        // A session of its own, where there is setsid: Ctrl+C in the terminal is for Nova, which stops the server last.
        List<string> line = [];
        if (File.Exists("/usr/bin/setsid"))
        {
            line.Add("/usr/bin/setsid");
        }

        if (_user is not null)
        {
            line.AddRange(["runuser", "-u", _user, "--"]);
        }

        line.Add(program);
        line.AddRange(arguments);
        return new ProcessStartInfo(line[0], line.Skip(1)) { WorkingDirectory = "/" };
    }

    public async Task<(int ExitCode, string Output)> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = OperatingSystem.IsWindows() ? new ProcessStartInfo(program, arguments) : Command(program, arguments);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output + await errors);
    }
}
