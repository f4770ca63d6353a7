using System.CommandLine;
using Nova.Cli.Doctor;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary><c>nova doctor</c>: what is wrong with a deployment, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Examine a deployment: address, TLS, health, clock, token, REST, socket, Redis, reports. Makes a private stream for it, and ends it.");
        command.Runs(async context =>
        {
            var faults = 0;
            await using var examination = new Examination(context.Profile);
            if (!context.Screen.IsJson)
            {
                context.Screen.Ansi.MarkupLine($"Nova at [bold]{context.Profile.Address.OriginalString.EscapeMarkup()}[/]");
            }

            await foreach (var finding in examination.RunAsync(context.Stop))
            {
                faults += finding.Outcome == Outcome.Faulty ? 1 : 0;
                context.Screen.Write(
                    new { finding.Check, outcome = finding.Outcome.ToString().ToLowerInvariant(), finding.Detail, finding.Remedy },
                    finding.Outcome switch
                    {
                        Outcome.Healthy => $"[green]ok[/]       {finding.Check,-9} {finding.Detail.EscapeMarkup()}",
                        Outcome.Faulty => $"[red]faulty[/]   {finding.Check,-9} {finding.Detail.EscapeMarkup()}\n                   {finding.Remedy!.EscapeMarkup()}",
                        _ => $"[grey]skipped  {finding.Check,-9} {finding.Detail.EscapeMarkup()}[/]",
                    });
            }

            return faults == 0 ? ExitCodes.Ok : ExitCodes.Unhealthy;
        });
        return command;
    }
}
