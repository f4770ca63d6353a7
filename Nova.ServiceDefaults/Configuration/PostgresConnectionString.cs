using System.Data.Common;
using Npgsql;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>Reads a PostgreSQL connection string in Npgsql's format or as a URL, as libpq defines it.</summary>
internal static class PostgresConnectionString
{
    /// <summary>libpq's names of what Npgsql calls otherwise.</summary>
    private static readonly Dictionary<string, string> Parameters = new(StringComparer.OrdinalIgnoreCase)
    {
        ["application_name"] = "Application Name",
        ["channel_binding"] = "Channel Binding",
        ["client_encoding"] = "Client Encoding",
        ["connect_timeout"] = "Timeout",
        ["dbname"] = "Database",
        ["gssencmode"] = "GSS Encryption Mode",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslmode"] = "SSL Mode",
        ["sslnegotiation"] = "SSL Negotiation",
        ["sslpassword"] = "SSL Password",
        ["sslrootcert"] = "Root Certificate",
        ["target_session_attrs"] = "Target Session Attributes",
        ["user"] = "Username",
    };

    public static string Example(string database) =>
        $"'Host=db.example;Database={database};Username=nova;Password=…' or 'postgres://nova:…@db.example/{database}'";

    public static ConnectionString Read(string text)
    {
        if (!ConnectionUrl.IsUrl(text))
        {
            return ReadKeywords(text);
        }

        return ConnectionUrl.Parse(text) is not { } url ? ConnectionString.Refused("is a URL with a character that must be percent-encoded, such as @ / ? # or % in its password.")
            : url.Scheme is not ("postgres" or "postgresql") ? ConnectionString.Refused($"begins with {url.Scheme}://; a PostgreSQL URL begins with postgres:// or postgresql://.")
            : ReadUrl(url);
    }

    private static ConnectionString ReadKeywords(string text)
    {
        var given = new DbConnectionStringBuilder();
        try
        {
            given.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            return ConnectionString.Refused(
                $"is not a PostgreSQL connection string such as {Example("streams")}. A value that has ; or = or a quotation mark in it stands in quotation marks.");
        }

        List<string> problems = [];
        var builder = new NpgsqlConnectionStringBuilder();
        foreach (string keyword in given.Keys)
        {
            if (!builder.ContainsKey(keyword))
            {
                // It is not quoted: what follows a ; in a password looks like one.
                problems.Add("has a keyword that Npgsql does not know. A value that has ; in it stands in quotation marks.");
            }
            else if (!TrySet(builder, keyword, (string)given[keyword]))
            {
                problems.Add($"has a value of '{keyword}' that cannot be used.");
            }
        }

        return Finish(builder, problems);
    }

    private static ConnectionString ReadUrl(ConnectionUrl url)
    {
        List<string> problems = [];
        var builder = new NpgsqlConnectionStringBuilder { Username = url.User, Password = url.Password, Database = url.Path.Length > 0 ? url.Path : null };
        if (url.SingleHost() is { } single)
        {
            (builder.Host, builder.Port) = (single.Host, single.Port ?? NpgsqlConnection.DefaultPort);
        }
        else if (url.Hosts.Contains(',') && url.Hosts.Split(',').All(host => (url with { Hosts = host }).SingleHost() is not null))
        {
            builder.Host = url.Hosts;
        }
        else if (url.Hosts.Length > 0)
        {
            problems.Add("is a URL whose host or port cannot be read.");
        }

        foreach (var (name, value) in url.Query)
        {
            var (keyword, setting) = name.Equals("ssl", StringComparison.OrdinalIgnoreCase)
                ? ("SSL Mode", value is "false" or "0" ? "Disable" : "Require")
                : (Parameters.GetValueOrDefault(name, name), value);
            if (!builder.ContainsKey(keyword))
            {
                problems.Add($"has the URL parameter '{name}', which Npgsql does not know; remove it.");
            }
            else if (!TrySet(builder, keyword, setting))
            {
                problems.Add($"has a value of the URL parameter '{name}' that cannot be used.");
            }
        }

        return Finish(builder, problems);
    }

    /// <summary>libpq writes <c>verify-full</c>, Npgsql <c>VerifyFull</c>.</summary>
    private static bool TrySet(NpgsqlConnectionStringBuilder builder, string keyword, string value)
    {
        try
        {
            builder[keyword] = keyword.Replace(" ", "").Equals("sslmode", StringComparison.OrdinalIgnoreCase) ? value.Replace("-", "") : value;
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidCastException or OverflowException or KeyNotFoundException)
        {
            return false;
        }
    }

    private static ConnectionString Finish(NpgsqlConnectionStringBuilder builder, List<string> problems)
    {
        if (problems.Count == 0 && string.IsNullOrEmpty(builder.Host))
        {
            problems.Add("names no server (Host).");
        }

        if (problems.Count == 0 && string.IsNullOrEmpty(builder.Database))
        {
            problems.Add("names no database (Database); the services must not share one by accident.");
        }

        try
        {
            using var check = problems.Count == 0 ? NpgsqlDataSource.Create(builder.ConnectionString) : null;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException or InvalidOperationException)
        {
            problems.Add($"has settings that do not go together: {exception.Message.TrimEnd('.')}.");
        }

        return problems.Count == 0 ? new ConnectionString(builder.ConnectionString, []) : ConnectionString.Refused([.. problems.Distinct()]);
    }
}
