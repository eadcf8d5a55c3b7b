using Qanat.Tunnel;
using Qanat.Tunnel.Identity;

namespace Qanat.Cli.Starting;

/// <summary>
/// The one-time enrolment token of <c>qanat init node</c>. From a file or standard input no list of processes shows it; on the command line
/// every local user can read it while the command runs.
/// </summary>
internal static class TokenArgument
{
    /// <summary>Stands for standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>The token of the one option that was given, or null when none was.</summary>
    /// <param name="token">From the command line.</param>
    /// <param name="file">File whose first line is the token, or <see cref="StandardInput"/>.</param>
    /// <param name="input">Standard input.</param>
    /// <exception cref="CliException">Both were given, or the text is no token (exit code 2). The message does not repeat it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string? Read(string? token, string? file, TextReader input)
    {
        if (token is not null && file is not null)
        {
            throw new CliException("usage", "--token and --token-file exclude each other; --token-file keeps the token out of the list of processes", ExitCode.Usage);
        }
        string? text = file switch
        {
            null => token,
            StandardInput => input.ReadLine() ?? "",
            _ => File.ReadLines(file).FirstOrDefault() ?? "",
        };
        if (text is null)
        {
            return null;
        }
        text = text.Trim();
        try
        {
            using EnrolmentToken parsed = EnrolmentToken.Parse(text);
            return text;
        }
        catch (TunnelException e)
        {
            string where = file switch { null => "--token", StandardInput => "standard input", _ => $"the first line of {file}" };
            throw new CliException("invalid-token", $"{where} is no enrolment token ID.SECRET; copy it whole from 'qanat hub token create'", ExitCode.Usage, e);
        }
    }
}
