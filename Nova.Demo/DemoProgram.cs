using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;

namespace Nova.Demo;

/// <summary>The demo as a program of its own, for a Nova that somebody else has started: a client that knows nothing but the gateway's address.</summary>
internal static class DemoProgram
{
    public static void AddDemo(this WebApplicationBuilder builder)
    {
        builder.AddProgramDefaults();
        builder.Services.AddValidatedOptions<DemoOptions, ValidateDemoOptions>(DemoOptions.Section);
        builder.Services.AddSingleton<DemoService>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DemoService>());
        builder.Services.AddHealthChecks().AddCheck<DemoService>("broadcast");
    }
}
