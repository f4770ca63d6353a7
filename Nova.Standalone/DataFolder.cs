using Nova.LocalInfra;
using Nova.ServiceDefaults;

namespace Nova.Standalone;

/// <summary>The folder a stack keeps between runs, locked while it runs. The operating system frees the lock however the process ends.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock)
    {
        _path = path;
        _lock = @lock;
    }

    /// <exception cref="LocalInfraException">Another process uses it, or it cannot be written.</exception>
    public static DataFolder Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            return new DataFolder(path, new FileStream(Path.Combine(path, "nova.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new LocalInfraException($"The data folder {path} cannot be written; choose another with --data.", exception);
        }
        catch (IOException exception)
        {
            throw new LocalInfraException($"The data folder {path} is in use by another Nova, or cannot be written; choose another with --data.", exception);
        }
    }

    /// <summary>Signs tokens; made once, so that a token outlives a restart. Accepted in Development only.</summary>
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
}
