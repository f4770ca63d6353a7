using Nova.Tests.Support;
using Nova.Tests.Support.Faults;

namespace Nova.Tests.ServiceDefaults.Postgres;

/// <summary>A pool that would leave no sessions for the next replica is named at start, with the key to change.</summary>
public sealed class SessionLimitTests(NovaFixture nova)
{
    [Theory]
    [InlineData(10, false)]
    [InlineData(900, true)]
    public async Task Start_WithAPoolOfMoreThanHalfTheSessions_SaysSo(int poolSize, bool isSaid)
    {
        await using var service = await ServiceProcess.StartAsync("Telemetry", new Dictionary<string, string>
        {
            ["ConnectionStrings__telemetry"] = nova.Stack.ConnectionString("telemetry"),
            ["Postgres__MaxPoolSize"] = $"{poolSize}",
            ["Authentication__Schemes__Bearer__ValidIssuer"] = "i",
            ["Authentication__Schemes__Bearer__ValidAudiences__0"] = "a",
            ["Authentication__Schemes__Bearer__Authority"] = "https://issuer.example",
        });
        using var http = new HttpClient { BaseAddress = service.Address };
        await Eventually.TrueAsync(async () => (await http.GetAsync("/health")).IsSuccessStatusCode, "the schema is applied");
        await Eventually.TrueAsync(() => Task.FromResult(IsSaid() || !isSaid), "the log says so");
        Assert.Equal(isSaid, IsSaid());

        bool IsSaid() => service.Lines.Any(line => line.Contains($"SessionsShort: this replica may open {poolSize} sessions", StringComparison.Ordinal));
    }
}
