using System.CommandLine;
using Nova.Cli.Output;

namespace Nova.Cli.Commands;

/// <summary><c>nova completion bash</c>: a script for the shell, which asks <c>nova</c> itself what fits.</summary>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = """
            _nova() { local IFS=$'\n'; COMPREPLY=( $(nova "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null) ); }
            complete -F _nova nova
            """,
        ["zsh"] = """
            _nova() { local completions=("${(@f)$(nova "[suggest:${#BUFFER}]" "${BUFFER}" 2>/dev/null)}"); compadd -- $completions; }
            compdef _nova nova
            """,
        ["fish"] = """
            complete -f -c nova -a '(nova "[suggest:"(commandline -C)"]" (commandline -cp))'
            """,
        ["powershell"] = """
            Register-ArgumentCompleter -Native -CommandName nova -ScriptBlock { param($word, $ast, $cursor)
              nova "[suggest:$cursor]" "$ast" | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) } }
            """,
    };

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { HelpName = "shell", Description = string.Join(", ", Scripts.Keys) }.AcceptOnlyFromAmong([.. Scripts.Keys]);
        var command = new Command("completion", "Print a completion script: eval \"$(nova completion bash)\"") { shell };
        command.SetAction(arguments => Screen.WriteLine(Scripts[arguments.GetValue(shell)!]));
        return command;
    }
}
