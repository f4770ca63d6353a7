using Nova.LocalInfra;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Standalone;

/// <summary>The persistent folder of a stack, locked while it runs. The operating system releases the lock even if the process is killed.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock)
    {
        _path = path;
        _lock = @lock;
    }

    /// <exception cref="LocalInfraException">Another process uses the folder, or the folder cannot be written.</exception>
    public static DataFolder Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            return new DataFolder(path, new FileStream(Path.Combine(path, "nova.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LocalInfraException($"The data folder {path} {Cause(path, exception)}; choose another with --data.", exception);
        }
    }

    /// <summary>The key that signs tokens. It is generated once, so that tokens survive a restart. Services accept it in Development only.</summary>
    public string SigningKey()
    {
        var file = Path.Combine(_path, "signing.key");
        if (!File.Exists(file))
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var writer = new StreamWriter(file, options);
            writer.Write(SigningKeyOptions.NewDevelopmentKey());
        }

        return File.ReadAllText(file);
    }

    public void Dispose() => _lock.Dispose();

    private static string Cause(string path, Exception exception) =>
        FindFileInPath(path) is { } file ? (file == path ? "is a file" : $"cannot be made, since {file} is a file")
        : IsLocked(exception) ? "is in use by another Nova"
        : $"cannot be written ({exception.Message.TrimEnd('.')})";

    private static string? FindFileInPath(string path)
    {
        for (var part = path; part is not null; part = Path.GetDirectoryName(part))
        {
            if (File.Exists(part))
            {
                return part;
            }
        }

        return null;
    }

    /// <summary>Another process holds the lock: EWOULDBLOCK on Linux and macOS, a sharing violation on Windows.</summary>
    private static bool IsLocked(Exception exception) => exception is IOException { HResult: 11 or 35 or unchecked((int)0x80070020) };
}
