using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Configuration;
using Npgsql;
using StackExchange.Redis;

namespace Nova.Tests.ServiceDefaults;

/// <summary>Connection strings in the forms that platforms hand them out (C23, C2, C22): what is understood, and what is refused without being quoted.</summary>
public sealed class ConnectionStringTests
{
    [Theory]
    [InlineData("postgres://nova:p%40ss%2Fw%3Brd%20%27@db.example:6432/streams", "db.example", 6432, "nova", "p@ss/w;rd '", "streams")]
    [InlineData("postgresql://nova@db_1/streams", "db_1", 5432, "nova", null, "streams")]
    [InlineData("POSTGRES://nova:x@[::1]:5433/streams", "::1", 5433, "nova", "x", "streams")]
    [InlineData("postgres://a:1,b:2/streams?user=nova&password=x", "a:1,b:2", 5432, "nova", "x", "streams")]
    [InlineData("postgresql:///streams?host=/run/postgresql", "/run/postgresql", 5432, null, null, "streams")]
    [InlineData(" Host=db;Database=streams;Username=nova;Password=\"a;b\"\n", "db", 5432, "nova", "a;b", "streams")]
    public void Postgres_AsAUrlOrKeywords_IsRead(string given, string host, int port, string? user, string? password, string database)
    {
        var read = new NpgsqlConnectionStringBuilder(Read("streams", given).Value);
        Assert.Equal((host, port, user, password, database), (read.Host, read.Port, read.Username, read.Password, read.Database));
    }

    [Theory]
    [InlineData("sslmode=verify-full", SslMode.VerifyFull)]
    [InlineData("sslmode=require&channel_binding=require&application_name=nova&connect_timeout=5", SslMode.Require)]
    [InlineData("ssl=true", SslMode.Require)]
    [InlineData("ssl=false", SslMode.Disable)]
    [InlineData("", SslMode.Prefer)]
    public void Postgres_UrlParameters_AreHonoured(string query, SslMode expected) =>
        Assert.Equal(expected, new NpgsqlConnectionStringBuilder(Read("streams", $"postgres://u:p@h/db?{query}").Value).SslMode);

    [Theory]
    [InlineData(null, "is missing")]
    [InlineData(" \n", "is missing")]
    [InlineData("nonsense", "is not a PostgreSQL connection string")]
    [InlineData("Host=db;Database=streams;Port=secret", "has a value of 'port' that cannot be used")]
    [InlineData("Host=db;Database=streams;Password=x;secret=1", "has a keyword that Npgsql does not know")]
    [InlineData("Host=db;Database=streams;Password='secret", "is not a PostgreSQL connection string")]
    [InlineData("Host=db", "names no database")]
    [InlineData("Database=streams", "names no server")]
    [InlineData("Host=db;Database=streams;Minimum Pool Size=5;Maximum Pool Size=2", "do not go together")]
    [InlineData("mysql://u:secret@h/db", "begins with mysql://")]
    [InlineData("postgres://u:sec/ret@h/db", "must be percent-encoded")]
    [InlineData("postgres://u:sec@ret@h/db", "must be percent-encoded")]
    [InlineData("postgres://u:sec%ret@h/db", "must be percent-encoded")]
    [InlineData("postgres://u:secret@h:port/db", "host or port cannot be read")]
    [InlineData("postgres://u:secret@h/db?schema=public", "has the URL parameter 'schema'")]
    [InlineData("postgres://u:secret@h/db?sslmode=sometimes", "has a value of the URL parameter 'sslmode' that cannot be used")]
    [InlineData("postgres://u:secret@h", "names no database")]
    public void Postgres_ThatCannotBeUsed_IsRefusedByName(string? given, string why) => AssertRefused("streams", given, why);

    [Theory]
    [InlineData("redis://redis.example", "redis.example:6379", null, null, false, null)]
    [InlineData("redis://:p%40ss%3D@redis.example:6380/3", "redis.example:6380", null, "p@ss=", false, 3)]
    [InlineData("rediss://default:x@redis_1/", "redis_1:6379", "default", "x", true, null)]
    [InlineData("rediss://[::1]:7000?db=2", "[::1]:7000", null, null, true, 2)]
    [InlineData("REDIS://h?syncTimeout=900", "h:6379", null, null, false, null)]
    [InlineData(" redis.example:6379,password=x,ssl=true,defaultDatabase=1\n", "redis.example:6379", null, "x", true, 1)]
    public void Redis_AsAUrlOrOptions_IsRead(string given, string endPoint, string? user, string? password, bool tls, int? database)
    {
        var read = ConfigurationOptions.Parse(Read("redis", given).Value);
        Assert.Equal(
            (endPoint, user, password, tls, database),
            (Assert.Single(ConfigurationOptions.Parse(read.ToString()).ToString(true).Split(',').Take(1)), read.User, read.Password, read.Ssl, read.DefaultDatabase));
    }

    [Theory]
    [InlineData(null, "is missing")]
    [InlineData("password=secret", "names no server")]
    [InlineData("h,password=x,secret=1", "part 3 of 3")]
    [InlineData("h,syncTimeout=secret", "has a value of 'syncTimeout' that cannot be used")]
    [InlineData("h:70000", "part 1 of 1")]
    [InlineData("h,channelPrefix=nova", "has a channelPrefix")]
    [InlineData("redis://h?channelPrefix=nova", "has a channelPrefix")]
    [InlineData("h,proxy=twemproxy", "has proxy=")]
    [InlineData("redis+sentinel://h", "begins with redis+sentinel://")]
    [InlineData("redis://u:sec%2Cret@h", "has a password with a comma")]
    [InlineData("redis://u:sec#ret@h", "must be percent-encoded")]
    [InlineData("redis://h:port", "host or port cannot be read")]
    [InlineData("redis://a:1,b:2", "several servers are written")]
    [InlineData("redis://h/first", "path is not a database number")]
    [InlineData("redis://h?ssl_cert_reqs=none", "has the URL parameter 'ssl_cert_reqs'")]
    public void Redis_ThatCannotBeUsed_IsRefusedByName(string? given, string why) => AssertRefused("redis", given, why);

    private static void AssertRefused(string name, string? given, string why)
    {
        var (value, problems) = Read(name, given);
        var problem = Assert.Single(problems);
        Assert.StartsWith($"ConnectionStrings:{name} ", problem);
        Assert.Contains(why, problem);
        Assert.DoesNotContain("secret", problem);
        Assert.DoesNotContain("ret@", problem);
        Assert.Equal("", value);
    }

    /// <returns>What the clients find in the configuration, and what the service reports at start.</returns>
    private static (string Value, IReadOnlyList<string> Problems) Read(string name, string? given)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddInMemoryCollection([new($"ConnectionStrings:{name}", given)]);
        if (name == "redis")
        {
            builder.ReadRedisConnection(name);
        }
        else
        {
            builder.ReadPostgresConnection(name);
        }

        using var services = builder.Services.BuildServiceProvider();
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return (builder.Configuration.GetConnectionString(name)!, []);
        }
        catch (OptionsValidationException invalid)
        {
            return (builder.Configuration.GetConnectionString(name)!, [.. invalid.Failures]);
        }
    }
}
