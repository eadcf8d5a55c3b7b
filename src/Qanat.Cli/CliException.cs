namespace Qanat.Cli;

/// <summary>What a <c>qanat</c> process returns.</summary>
internal static class ExitCode
{
    /// <summary>Done, or accepted.</summary>
    public const int Done = 0;

    /// <summary>Failed, or refused.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong; nothing was started.</summary>
    public const int Usage = 2;
}

/// <summary>Ends a verb with a stable code, one line for a person and an exit code.</summary>
internal sealed class CliException(string code, string message, int exitCode = ExitCode.Failed, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Stable kebab-case code; see docs/operations/errors.md.</summary>
    public string Code { get; } = code;

    /// <summary>What the process returns.</summary>
    public int ExitCode { get; } = exitCode;
}
