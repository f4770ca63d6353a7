using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Health;

namespace Nova.ServiceDefaults;

/// <summary>Runs a service as a program of its own.</summary>
public static class NovaService
{
    /// <summary>Runs until it is told to stop.</summary>
    /// <returns>The exit code: 1 where the service cannot start, after a sentence for each setting that is missing or wrong.</returns>
    public static int Run(string[] args, Action<WebApplicationBuilder> add, Action<WebApplication> map)
    {
        if (HealthCommand.IsIn(args))
        {
            return HealthCommand.Run(args);
        }

        try
        {
            using var app = Build(WebApplication.CreateBuilder(args), add, map);
            Start(app);
            app.WaitForShutdown();
            return 0;
        }
        catch (Exception exception) when (StartProblems.Of(exception) is { } problems)
        {
            Console.Error.WriteLine($"{Assembly.GetEntryAssembly()?.GetName().Name} does not start:");
            foreach (var problem in problems)
            {
                Console.Error.WriteLine($"  {problem}");
            }

            return 1;
        }
        catch (OperationCanceledException)
        {
            return 0; // It was told to stop while it was starting.
        }
    }

    private static void Start(WebApplication app)
    {
        try
        {
            app.Start();
        }
        catch
        {
            // What runs already is stopped properly; a host that is merely disposed of reports each of its loops as failed.
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            app.StopAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>Puts a service together and checks all of its settings.</summary>
    /// <exception cref="OptionsValidationException">A setting is missing or wrong.</exception>
    /// <exception cref="AggregateException">Several of those.</exception>
    public static WebApplication Build(WebApplicationBuilder builder, Action<WebApplicationBuilder> add, Action<WebApplication> map)
    {
        // Whoever starts the service reports why it cannot; the host would log the same as an error with a stack trace.
        var isStarted = false;
        builder.Logging.AddFilter(
            "Microsoft.Extensions.Hosting.Internal.Host", level => level >= LogLevel.Information && (level != LogLevel.Error || Volatile.Read(ref isStarted)));

        // Building makes the server, whose options depend on other options: without this, the first wrong one would be the only one reported.
        builder.Services.AddSingleton<IConfigureOptions<KestrelServerOptions>>(services =>
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return new ConfigureOptions<KestrelServerOptions>(null);
        });
        add(builder);
        var app = builder.Build();
        try
        {
            app.Lifetime.ApplicationStarted.Register(() => Volatile.Write(ref isStarted, true));
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            map(app);
            return app;
        }
        catch
        {
            ((IDisposable)app).Dispose();
            throw;
        }
    }
}
