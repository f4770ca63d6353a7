using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Nova.Tests.Support;

namespace Nova.Tests.ServiceDefaults;

/// <summary>
/// Each service as a program of its own, in Production, with settings it cannot start with: a sentence for each, all at once, and exit code 1.
/// The defects D10, C22, C23 and C2 showed a stack trace for the first one, exit code 134, or nothing at all.
/// </summary>
public sealed class ServiceStartTests(NovaFixture nova)
{
    private const string Bearer = "Authentication__Schemes__Bearer__";

    [Theory]
    [InlineData("Nova.Gateway", "redis")]
    [InlineData("Nova.StreamState", "streams", "redis")]
    [InlineData("Nova.Telemetry", "telemetry")]
    public async Task Run_WithoutSettings_NamesEveryMissingKey(string service, params string[] connections)
    {
        var ended = await ProgramResult.RunAsync(service, new Dictionary<string, string>());
        ended.AssertRefused(
        [
            $"{service} does not start:", "Authentication:Schemes:Bearer:ValidIssuer is missing", "Authentication:Schemes:Bearer:ValidAudiences is missing",
            "Authentication:Schemes:Bearer:SigningKeys is missing", $"{Bearer}ValidIssuer", $"{Bearer}ValidAudiences__0", $"{Bearer}SigningKeys__0__Value",
            .. connections.SelectMany(name => new[] { $"ConnectionStrings:{name} is missing", $"ConnectionStrings__{name}" }),
        ]);
    }

    [Theory]
    [InlineData("Nova.Gateway", "Gateway:MaxConnections must be a whole number; it is many.", "Gateway__DrainWave", "Gateway:DrainWave must be at least 1")]
    [InlineData("Nova.StreamState", "ConnectionStrings:redis has a channelPrefix", "StreamState__PeakInterval", "StreamState:PeakInterval must be longer than zero")]
    [InlineData("Nova.Telemetry", "RequireHttpsMetadata must be true or false; it is maybe.", "Internal__ApiKey", "Internal:ApiKey cannot be used")]
    [InlineData("Nova.Telemetry", "RequireHttpsMetadata must be true or false; it is maybe.", "Postgres__MaxPoolSize", "Postgres:MaxPoolSize must be between 2 and 1000")]
    public async Task Run_WithSeveralMalformedSettings_NamesEachOfThem(string service, string unreadable, string key, string outOfRange)
    {
        var ended = await ProgramResult.RunAsync(service, new Dictionary<string, string>(Settings())
        {
            ["Gateway__MaxConnections"] = "many",
            ["ConnectionStrings__redis"] = service == "Nova.StreamState" ? "127.0.0.1:1,channelPrefix=nova" : "127.0.0.1:1",
            [$"{Bearer}RequireHttpsMetadata"] = "maybe",
            [key] = "0",
        });
        ended.AssertRefused(unreadable, outOfRange, "RequireHttpsMetadata must be true or false");
    }

    [Theory]
    [InlineData("short")]
    [InlineData("sixteen characters, but with spaces")]
    [InlineData("schlüssel-aus-sechzehn-zeichen")]
    [InlineData("two-lines-of-a-key\nin-one-secret")]
    [InlineData(" \n")]
    public async Task Run_WithAnInternalKeyThatNoHeaderCarries_IsRefusedAndNotQuoted(string key)
    {
        var ended = await ProgramResult.RunAsync("Nova.Telemetry", new Dictionary<string, string>(Settings()) { ["Internal__ApiKey"] = key });
        ended.AssertRefused("Internal:ApiKey ", "Internal__ApiKey");
        Assert.True(string.IsNullOrWhiteSpace(key) || !ended.Errors.Contains(key));
    }

    [Fact]
    public async Task Run_WithAPasswordThatBreaksTheConnectionString_DoesNotPrintIt()
    {
        var ended = await ProgramResult.RunAsync("Nova.StreamState", new Dictionary<string, string>(Settings())
        {
            ["ConnectionStrings__streams"] = "Host=127.0.0.1;Database=streams;Username=nova;Password=hun;ter2=x",
            ["ConnectionStrings__redis"] = "127.0.0.1:1,password=hun,ter2=x",
        });
        ended.AssertRefused("ConnectionStrings:streams has a keyword", "ConnectionStrings:redis has an option");
        Assert.DoesNotContain("ter2", ended.Errors);
    }

    [Theory]
    [InlineData("http://127.0.0.1:{0}", "Failed to bind to address http://127.0.0.1:{0}: address already in use.")]
    [InlineData("http://192.0.2.1:{0}", "The service cannot listen where it is told to")]
    [InlineData("nonsense", "Invalid url: 'nonsense'.")]
    [InlineData("https://127.0.0.1:{0}", "Unable to configure HTTPS endpoint.")]
    public async Task Run_OnAnAddressThatIsNotToBeHad_SaysSo(string address, string sentence)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var ended = await ProgramResult.RunAsync(
            "Nova.Telemetry",
            new Dictionary<string, string>(Settings())
            {
                ["ASPNETCORE_URLS"] = string.Format(null, address, port),
                ["HOME"] = Path.GetTempPath(), // Without the development certificate that a developer may have.
            });
        ended.AssertRefused(string.Format(null, sentence, port));
    }

    [Fact]
    public async Task Run_WithALogLevelThatIsNone_SaysSo()
    {
        var ended = await ProgramResult.RunAsync("Nova.Telemetry", new Dictionary<string, string>(Settings()) { ["Logging__LogLevel__Default"] = "loud" });
        ended.AssertRefused("Logging:LogLevel cannot be read.", "loud");
    }

    /// <summary>What a container's health check runs: nobody is there, somebody is, or the address is none.</summary>
    [Fact]
    public async Task Run_Health_SaysWhetherAServiceAnswers()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0); // Accepts, and says nothing.
        taken.Start();
        var silent = await HealthAsync($"http://{taken.LocalEndpoint}/health");
        Assert.Equal(1, silent.ExitCode);
        Assert.Contains("does not answer", silent.Output);
        var address = await HealthAsync("8080");
        Assert.Equal(2, address.ExitCode);
        Assert.Contains("usage: health", address.Errors);
        Assert.Equal(0, (await HealthAsync($"{nova.Stack.Gateways[0]}alive")).ExitCode);

        static Task<ProgramResult> HealthAsync(string address) => ProgramResult.RunAsync("Nova.Gateway", new Dictionary<string, string>(), ["health", address]);
    }

    /// <summary>Enough to start with.</summary>
    private static Dictionary<string, string> Settings() => new()
    {
        ["ConnectionStrings__redis"] = "127.0.0.1:1",
        ["ConnectionStrings__streams"] = "Host=127.0.0.1;Port=1;Database=streams",
        ["ConnectionStrings__telemetry"] = "Host=127.0.0.1;Port=1;Database=telemetry",
        [$"{Bearer}ValidIssuer"] = "i",
        [$"{Bearer}ValidAudiences__0"] = "a",
        [$"{Bearer}SigningKeys__0__Value"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
    };
}
