using System.CommandLine;

namespace Qanat.Cli.Servers;

/// <summary>The options that name a server's configuration: <c>--config FILE</c>, or <c>--data DIR</c> for the file that <c>init</c> wrote there.</summary>
internal sealed class ConfigOptions(string role)
{
    private readonly Option<string?> _config = new("--config") { Description = "The YAML configuration file.", HelpName = "FILE", Recursive = true };
    private readonly Option<string?> _data = new("--data") { Description = $"The folder that init made; its {role}.yaml is used.", HelpName = "DIR", Recursive = true };

    public void AddTo(Command command)
    {
        command.Add(_config);
        command.Add(_data);
    }

    /// <summary>The file, or null when neither option was given.</summary>
    public string? FileOrNull(ParseResult parsed) =>
        parsed.GetValue(_config) ?? (parsed.GetValue(_data) is { } folder ? Path.Combine(folder, $"{role}.yaml") : null);

    /// <exception cref="CliException">Neither option was given (exit code 2).</exception>
    public string File(ParseResult parsed) =>
        FileOrNull(parsed) ?? throw new CliException("usage", "--config FILE (or --data DIR) is required", ExitCode.Usage);

    /// <summary>What the file is for, and the admin API of its server.</summary>
    public Admin.AdminClient Admin(ParseResult parsed)
    {
        ServerRole server = ServerRole.Load(File(parsed), role);
        return server.Connect();
    }
}
