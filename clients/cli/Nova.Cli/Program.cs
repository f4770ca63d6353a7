using System.CommandLine;
using System.CommandLine.Invocation;
using Nova.Cli;

var command = NovaCommand.Create().Parse(args);
if (command.Action is ParseErrorAction wrong)
{
    wrong.ShowHelp = wrong.ShowTypoCorrections = false; // One line that names the mistake.
    await command.InvokeAsync();
    return ExitCodes.Usage;
}

return await command.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(10), EnableDefaultExceptionHandler = false });
