using StackExchange.Redis;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>Reads a Redis connection string in StackExchange.Redis' format or as a URL.</summary>
internal static class RedisConnectionString
{
    public const string Example = "'redis.example:6379,password=…' or 'rediss://:…@redis.example:6379'";

    /// <summary>Where TLS is on, the client's own default is Azure's 6380; that of a URL is always this.</summary>
    private const int DefaultPort = 6379;

    public static ConnectionString Read(string text)
    {
        if (!ConnectionUrl.IsUrl(text))
        {
            return ReadOptions(text);
        }

        return ConnectionUrl.Parse(text) is not { } url ? ConnectionString.Refused("is a URL with a character that must be percent-encoded, such as @ / ? # or % in its password.")
            : url.Scheme is not ("redis" or "rediss") ? ConnectionString.Refused($"begins with {url.Scheme}://; a Redis URL begins with redis:// or, for TLS, rediss://.")
            : ReadUrl(url);
    }

    private static ConnectionString ReadUrl(ConnectionUrl url)
    {
        if (url.SingleHost() is not { } server)
        {
            return ConnectionString.Refused("is a URL whose host or port cannot be read; several servers are written 'a:6379,b:6379'.");
        }

        List<string> problems = [];
        List<string> options = [$"{(server.Host.Contains(':') ? $"[{server.Host}]" : server.Host)}:{server.Port ?? DefaultPort}"];
        void Add(string option, string what, string? value)
        {
            if (value?.Contains(',') == true || value?.Trim() != value)
            {
                problems.Add($"has a {what} with a comma in it or white space around it, which StackExchange.Redis cannot be given.");
            }
            else if (value is not null)
            {
                options.Add($"{option}={value}");
            }
        }

        Add("user", "user", url.User);
        Add("password", "password", url.Password);
        Add("ssl", "scheme", url.Scheme == "rediss" ? "true" : null);
        AddDatabase(url.Path, Add, problems);
        foreach (var (name, value) in url.Query)
        {
            if (name == "db")
            {
                AddDatabase(value, Add, problems);
            }
            else if (IsOption(name, value))
            {
                Add(name, $"URL parameter '{name}'", value);
            }
            else
            {
                problems.Add($"has the URL parameter '{name}', or a value of it, that StackExchange.Redis does not know; remove it.");
            }
        }

        return problems.Count > 0 ? ConnectionString.Refused(problems) : ReadOptions(string.Join(',', options));
    }

    private static void AddDatabase(string number, Action<string, string, string?> add, List<string> problems)
    {
        if (number.Length > 0 && !number.All(char.IsAsciiDigit))
        {
            problems.Add("is a URL whose path is not a database number.");
        }
        else if (number.Length > 0)
        {
            add("defaultDatabase", "database number", number);
        }
    }

    private static bool IsOption(string name, string value)
    {
        try
        {
            return ConfigurationOptions.Parse($"{name}={value}").EndPoints.Count == 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Each part by itself, since the library's own message would quote what follows a comma in a password.</summary>
    private static ConnectionString ReadOptions(string text)
    {
        List<string> problems = [];
        var parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            if (Problem(parts[i], $"part {i + 1} of {parts.Length}, with commas between,") is { } problem)
            {
                problems.Add(problem);
            }
        }

        if (problems.Count == 0)
        {
            problems.AddRange(ProblemsOf(ConfigurationOptions.Parse(text)));
        }

        return problems.Count == 0 ? new ConnectionString(text, []) : ConnectionString.Refused(problems);
    }

    private static string? Problem(string part, string position)
    {
        var isOption = part.IndexOf('=') > 0;
        try
        {
            var options = ConfigurationOptions.Parse(part);
            return isOption || options.EndPoints.Count == 1 ? null : $"has a server that cannot be read: {position} is not host:port.";
        }
        catch (ArgumentOutOfRangeException exception) when (isOption)
        {
            return $"has a value of '{exception.ParamName}' that cannot be used.";
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            return isOption
                ? $"has an option that StackExchange.Redis does not know: {position} has no known name before its =. A password cannot have a comma in it."
                : $"has a server that cannot be read: {position} is not host:port.";
        }
    }

    private static IEnumerable<string> ProblemsOf(ConfigurationOptions options)
    {
        if (options.EndPoints.Count == 0)
        {
            yield return $"names no server; it is written like {Example}.";
        }

        if (!options.ChannelPrefix.IsNullOrEmpty)
        {
            yield return "has a channelPrefix, which the client adds where Nova subscribes but not where its scripts publish; remove it, and give each Nova a Redis of its own.";
        }

        if (options.Proxy is Proxy.Twemproxy or Proxy.Envoyproxy)
        {
            yield return "has proxy=…, behind which there is no publish and subscribe; name the Redis server itself.";
        }
    }
}
