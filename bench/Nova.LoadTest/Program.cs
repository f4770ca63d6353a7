using System.CommandLine;
using Nova.LoadTest.Commands;

if (!OperatingSystem.IsLinux())
{
    await Console.Error.WriteLineAsync("Nova.LoadTest uses epoll and /proc and runs on Linux only; in a Linux VM or WSL it needs two cores.");
    return 1;
}

var command = new RootCommand("Load generator for Nova, and the same load on its peers, side by side.")
{
    RunCommand.Create(),
    CompareCommand.Create(),
    PeersCommand.Create(),
    ServeSignalRCommand.Create(),
};
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
