using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Nova.LocalInfra;

/// <summary>
/// The account that runs PostgreSQL's programs, and its folder. PostgreSQL refuses to run as root, so root runs it under another account. That
/// account must be able to reach the folder, which often fails below root's home.
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

    /// <summary>The folder for the cluster: the requested one, or one that the account can reach.</summary>
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

            account.ChangeOwner(account.Folder);
            return account;
        }

        throw new LocalInfraException("PostgreSQL does not run as root, and neither the account postgres nor the account nobody can be used. Run Nova as an ordinary user.");
    }

    /// <summary>The substitute for a requested folder. It is always the same one, so that the next run finds the data.</summary>
    internal static string SharedFolderFor(string folder) =>
        $"/var/tmp/nova-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(folder))).AsSpan(0, 6))}";

    /// <summary>
    /// Creates the folder and checks its owner. Every user can create files in <c>/var/tmp</c>, and the folder's name is predictable: through a
    /// planted link, root would change the owner of the link's target. A folder that belongs to root or the account is safe, because
    /// <c>/var/tmp</c> is sticky and no other user can replace it.
    /// </summary>
    private async Task MakeSharedFolderAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var error = new FileInfo(Folder).LinkTarget is not null ? "is a link"
            : !Directory.Exists(Folder) ? "is not a folder"
            : !await IsOwnerAsync(null, cancellationToken) && !await IsOwnerAsync(_user, cancellationToken) ? "belongs to somebody else"
            : null;
        if (error is not null)
        {
            throw new LocalInfraException(
                $"{Folder}, where root's PostgreSQL stores its data, {error}. Delete it, or choose with --data a folder that the account {_user} can reach.");
        }
    }

    private async Task<bool> IsOwnerAsync(string? user, CancellationToken cancellationToken) =>
        (await new ServerAccount(Folder, user).RunAsync("/usr/bin/test", ["-O", Folder], cancellationToken)).ExitCode == 0;

    /// <summary>Writes a secret to a new file that the account owns. It never follows a link, because the account could have planted one.</summary>
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

        ChangeOwner(file);
    }

    /// <summary>Makes the account the owner of a file or folder, and removes all other permissions.</summary>
    public void ChangeOwner(string path)
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
        // setsid, if installed, starts a new session: Ctrl+C in the terminal then reaches only Nova, which stops the server last.
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
