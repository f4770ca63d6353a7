using System.CommandLine;
using Nova.Cli.Output;
using Nova.Cli.Simulation;
using Nova.Client;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary><c>nova simulate</c>: a Nova to develop a page or an app against, whose faults happen when one wants them.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "Its port; 0 takes a free one", DefaultValueFactory = _ => 8090 };
        var script = new Option<FileInfo?>("--script") { Description = "Faults in turn, in YAML: - {after: 10s, do: drain}" };
        var data = new Option<DirectoryInfo>("--data") { Description = "Folder of its database", DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(Path.GetTempPath(), $"nova-simulate-{Environment.UserName}")) };
        var command = new Command("simulate", "Run a local Nova whose faults happen on a key press, by script or by POST /simulate/{fault}.") { port, script, data };
        command.Runs(async context =>
        {
            var steps = context.Arguments.GetValue(script) is { } file ? SimulationScript.Read(file.FullName) : [];
            await using var simulation = await Simulation.Simulation.StartAsync(context.Arguments.GetValue(port), context.Arguments.GetValue(data)!.FullName, context.Stop);
            await DescribeAsync(simulation, context);
            var keys = Console.IsInputRedirected || context.Screen.IsJson ? Task.Delay(Timeout.InfiniteTimeSpan, context.Stop) : ReadKeysAsync(simulation, context);
            await Task.WhenAll(PlayAsync(simulation, steps, context), keys);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task DescribeAsync(Simulation.Simulation simulation, CommandContext context)
    {
        var address = simulation.Address.OriginalString;
        if (context.Screen.IsJson)
        {
            context.Screen.Json(new { address, simulation.StreamId });
            return;
        }

        var token = await DevelopmentTokens.CreateAsync(simulation.Address, "me", cancellationToken: context.Stop);
        Screen.WriteLine($"Nova is simulated at {address}");
        Screen.WriteLine($"  Stream      {simulation.StreamId}");
        Screen.WriteLine($"  Watch it    {address}/#stream={simulation.StreamId}&token={token}");
        Screen.WriteLine($"  Tokens      curl -X POST {address}/dev/tokens -H 'Content-Type: application/json' -d '{{\"sub\":\"me\"}}'");
        Screen.WriteLine($"  By request  curl -X POST '{address}/simulate/close?code=1013&reason=retry_after_ms=2000'");
        foreach (var kind in Faults.All)
        {
            context.Screen.Ansi.MarkupLine($"  [bold]{kind.Key}[/]  {kind.Name,-9} {kind.Description.EscapeMarkup()}");
        }

        Screen.WriteLine("  Ctrl+C stops it");
    }

    private static async Task PlayAsync(Simulation.Simulation simulation, IReadOnlyList<(TimeSpan After, Fault Fault)> steps, CommandContext context)
    {
        foreach (var (after, fault) in steps)
        {
            await Task.Delay(after, context.Stop);
            await DoAsync(simulation, fault, context);
        }
    }

    private static async Task ReadKeysAsync(Simulation.Simulation simulation, CommandContext context)
    {
        while (!context.Stop.IsCancellationRequested)
        {
            if (!Console.KeyAvailable)
            {
                await Task.Delay(50, context.Stop);
                continue;
            }

            if (Faults.All.FirstOrDefault(kind => kind.Key == char.ToLowerInvariant(Console.ReadKey(intercept: true).KeyChar)) is { } pressed)
            {
                await DoAsync(simulation, new Fault(pressed.Name), context);
            }
        }
    }

    private static async Task DoAsync(Simulation.Simulation simulation, Fault fault, CommandContext context)
    {
        var viewers = simulation.Viewers;
        await simulation.DoAsync(fault);
        var next = fault.Name == "end" ? $", the next broadcast is {simulation.StreamId}" : "";
        context.Screen.Write(new { did = fault.Name, viewers, simulation.StreamId }, $"[grey]{DateTime.Now:HH:mm:ss}[/] {fault.Name}: {viewers} viewers{next}");
    }
}
