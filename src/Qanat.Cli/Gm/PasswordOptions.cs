using System.CommandLine;
using System.Text;

namespace Qanat.Cli.Gm;

/// <summary>Where the password of a private key comes from. Never the command line, which every local user can read.</summary>
internal sealed class PasswordOptions
{
    private const int MaxBytes = 4096;
    private readonly Option<string?> _file = new("--password-file") { Description = "File with the password of the private key, in its first line." };
    private readonly Option<string?> _variable = new("--password-env") { Description = "Environment variable with the password of the private key.", HelpName = "NAME" };

    public void AddTo(Command command)
    {
        command.Options.Add(_file);
        command.Options.Add(_variable);
    }

    /// <summary>The password, or null when neither option was given.</summary>
    public string? Read(ParseResult parsed)
    {
        (string? file, string? variable) = (parsed.GetValue(_file), parsed.GetValue(_variable));
        if (file is not null && variable is not null)
        {
            throw new CliException("usage", "--password-file and --password-env exclude each other", ExitCode.Usage);
        }
        if (variable is not null)
        {
            return Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value
                ? value
                : throw new CliException("password-missing", $"--password-env {variable}: the environment variable is not set or empty");
        }
        if (file is null)
        {
            return null;
        }
        string text = Encoding.UTF8.GetString(GmFiles.Read("--password-file", file, MaxBytes)).Split('\n')[0].TrimEnd('\r');
        return text.Length > 0 ? text : throw new CliException("password-missing", $"--password-file {file}: its first line is empty");
    }
}
