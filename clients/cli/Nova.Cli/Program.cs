using System.CommandLine;
using System.CommandLine.Invocation;
using Nova.Cli;
using Nova.Cli.Output;

var command = NovaCommand.Create().Parse(args);
if (command.Action is ParseErrorAction)
{
    // One line that names the mistake, not the whole help.
    var message = string.Join(' ', command.Errors.Select(error => error.Message).Distinct());
    await Console.Error.WriteLineAsync(NovaCommand.IsJson(command) ? Screen.ToJson(new { error = message, exit_code = ExitCodes.Usage }) : message);
    return ExitCodes.Usage;
}

// As long as the load generator takes to print what it has; every other command ends at once.
return await command.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(65), EnableDefaultExceptionHandler = false });
