using System.CommandLine;
using Qanat.Cli.Servers;
using Spectre.Console;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat config check</c>: checks a file as its server would, and starts nothing.</summary>
internal static class ConfigVerb
{
    public static Command Create(QanatCommand cli) => new("config", "Work on configuration files.") { Check(cli) };

    private static Command Check(QanatCommand cli)
    {
        Argument<string> file = new("FILE") { Description = "The YAML file." };
        Option<string?> role = new("--role") { Description = "What it is for; told from its keys when not given." };
        role.AcceptOnlyFromAmong(ServerRole.Hub, ServerRole.Node);
        Command command = new("check", "Check a file whole; every error with its line. Exit code 2 on errors.") { file, role };
        cli.Handle(command, (parsed, output, _) =>
        {
            string path = parsed.GetRequiredValue(file);
            ServerRole server = ServerRole.Load(path, parsed.GetValue(role));
            output.Write(new { ok = true, file = path, server.Role, server.Name }, console => console.WriteLine($"{path}: good ({server.Role} {server.Name}".TrimEnd() + ")"));
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
