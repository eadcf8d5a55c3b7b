using Qanat.Wire;

namespace Qanat.Cli.Starting;

/// <summary>Another hub, as <c>--peer NAME=MID</c> or <c>--peer NAME=MID@tcp://HOST:PORT</c>.</summary>
internal sealed record PeerArgument(string Name, Mid Mid, string? Address)
{
    /// <exception cref="CliException">Not of that form (exit code 2).</exception>
    public static PeerArgument Parse(string text)
    {
        string[] nameAndRest = text.Split('=', 2);
        string[] midAndAddress = nameAndRest[^1].Split('@', 2);
        if (nameAndRest.Length != 2 || !Mid.TryParse(midAndAddress[0], out Mid mid))
        {
            throw new CliException("usage", $"--peer '{text}' is not NAME=MID@tcp://HOST:PORT", ExitCode.Usage);
        }
        return new PeerArgument(nameAndRest[0], mid, midAndAddress.Length == 2 ? midAndAddress[1] : null);
    }
}
