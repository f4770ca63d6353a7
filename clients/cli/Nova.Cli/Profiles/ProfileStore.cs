using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nova.Cli.Profiles;

/// <summary>Profiles in <c>~/.config/nova/profiles.json</c> (Windows: <c>%APPDATA%\nova</c>), which only its owner can read. <c>NOVA_CONFIG</c> names another folder.</summary>
internal sealed class ProfileStore
{
    public const string Default = "default";

    private static string File => Path.Combine(
        Environment.GetEnvironmentVariable("NOVA_CONFIG") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "nova"),
        "profiles.json");

    public static string Location => File;

    /// <returns>The local Nova where nobody has logged in.</returns>
    /// <exception cref="UsageException">There is no such profile, or the file cannot be read.</exception>
    public static Profile Get(string? name)
    {
        name ??= Environment.GetEnvironmentVariable("NOVA_PROFILE");
        if (Read().TryGetValue(name ?? Default, out var profile))
        {
            return profile;
        }

        return name is null or Default ? Profile.Local : throw new UsageException($"There is no profile '{name}' in {File}. Make it: nova login --profile {name} --address https://…");
    }

    public static IReadOnlyDictionary<string, Profile> All => Read();

    public static void Set(string name, Profile profile)
    {
        var profiles = Read();
        profiles[name] = profile;
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        var temporary = $"{File}.{Environment.ProcessId}"; // Made anew with its rights, and then put in place: an older file may be readable to all.
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        System.IO.File.Delete(temporary);
        using (var stream = new FileStream(temporary, options))
        {
            JsonSerializer.Serialize(stream, profiles, ProfilesJson.Default.DictionaryStringProfile);
        }

        System.IO.File.Move(temporary, File, overwrite: true);
    }

    private static Dictionary<string, Profile> Read()
    {
        try
        {
            return System.IO.File.Exists(File) ? JsonSerializer.Deserialize(System.IO.File.ReadAllText(File), ProfilesJson.Default.DictionaryStringProfile) ?? [] : [];
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{File} cannot be read: {exception.Message} Delete it and log in again.");
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Dictionary<string, Profile>))]
internal sealed partial class ProfilesJson : JsonSerializerContext;
