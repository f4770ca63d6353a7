using System.CommandLine;
using System.CommandLine.Parsing;
using Nova.Demo;

namespace Nova.Standalone;

/// <summary>The output on the terminal.</summary>
internal static class Terminal
{
    public static void CheckRange(OptionResult result, Option<int> option, int min, int max)
    {
        if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out var value) || value < min || value > max))
        {
            result.AddError($"{option.Name} must be from {min} to {max}, but is {result.Tokens[0].Value}.");
        }
    }

    /// <summary>Starts Nova, prints its addresses, and stops it when <paramref name="stop"/> is cancelled.</summary>
    public static async Task RunAsync(StackOptions options, bool withDemo, CancellationToken stop)
    {
        try
        {
            await using var stack = await NovaStack.StartAsync(options, stop);
            await using var demo = withDemo ? await DemoBroadcaster.StartAsync(stack.Gateways, stop) : null;
            Console.WriteLine($"Nova is ready: {stack.Gateways[0].OriginalString}");
            if (stack.Gateways.Count > 1)
            {
                Console.WriteLine($"  Gateways      {string.Join(' ', stack.Gateways.Select(gateway => gateway.OriginalString))}");
            }

            Console.WriteLine($"  Data folder   {options.DataFolder}");
            if (stack.DatabaseFolder is { } database && database != options.DataFolder)
            {
                Console.WriteLine($"  Database      {database}");
            }

            if (demo is null)
            {
                Console.WriteLine($$"""
                      Get a token   curl -X POST {{stack.Gateways[0].OriginalString}}/dev/tokens -H 'Content-Type: application/json' -d '{"sub":"me","role":"broadcaster"}'
                    """);
            }
            else
            {
                Console.WriteLine(demo.Describe());
            }

            Console.WriteLine("  Stop          Ctrl+C");
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.WriteLine("Nova has stopped.");
        }
    }
}
