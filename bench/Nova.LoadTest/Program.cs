using System.CommandLine;
using Nova.LoadTest.Commands;

if (!OperatingSystem.IsLinux())
{
    await Console.Error.WriteLineAsync("Nova.LoadTest uses epoll and /proc, so it runs on Linux only. A Linux VM or WSL with two cores is enough.");
    return 1;
}

var command = new RootCommand("Load generator for Nova and its peers.")
{
    RunCommand.Create(),
    CompareCommand.Create(),
    PlanCommand.Create(),
    PeersCommand.Create(),
    ServeSignalRCommand.Create(),
};
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
