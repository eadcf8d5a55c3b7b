namespace Qanat.Configuration;

/// <summary>What is wrong with one place of a configuration file. The kebab-case form of the name is the stable code.</summary>
public enum ConfigurationFault
{
    /// <summary>The file cannot be read, or is too large.</summary>
    ConfigUnreadable,
    /// <summary>It is not YAML.</summary>
    ConfigSyntax,
    /// <summary>A key that no setting has.</summary>
    ConfigUnknownKey,
    /// <summary>A value of the wrong type.</summary>
    ConfigWrongType,
    /// <summary>A value that the validator refuses, or a missing one that is required.</summary>
    ConfigInvalid,
    /// <summary>A <c>${ENV:NAME}</c> or <c>file:</c> secret that does not exist.</summary>
    ConfigSecretMissing,
}

/// <summary>One error, at one place of a configuration file.</summary>
/// <param name="File">Path as the user gave it.</param>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
/// <param name="Key">Dotted kebab-case key, such as <c>services.psi.allow[0]</c>; empty for the whole file.</param>
/// <param name="Fault">What kind of error.</param>
/// <param name="Message">One line for a person; never holds a secret value.</param>
/// <param name="Fix">What to write instead, when that is known.</param>
public sealed record ConfigurationError(
    string File, int Line, int Column, string Key, ConfigurationFault Fault, string Message, string? Fix = null)
{
    /// <summary>The stable kebab-case code, such as <c>config-unknown-key</c>.</summary>
    public string Code => KeyNames.ToKebab(Fault.ToString());

    /// <summary><c>FILE:LINE:COL: key: message (fix)</c>; without line and column when the file cannot be read.</summary>
    public override string ToString()
    {
        string key = Key.Length == 0 ? "" : $"{Key}: ";
        string fix = Fix is null ? "" : $" ({Fix})";
        // A file that cannot be read has no lines.
        string place = Fault == ConfigurationFault.ConfigUnreadable ? File : $"{File}:{Line}:{Column}";
        return $"{place}: {key}{Message}{fix}";
    }
}

/// <summary>A configuration file cannot be used; holds every error found in it, not just the first.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Creates the exception from at least one error.</summary>
    public ConfigurationException(IReadOnlyList<ConfigurationError> errors)
        : base(string.Join(Environment.NewLine, errors)) => Errors = errors;

    /// <summary>All errors, in the order of the file.</summary>
    public IReadOnlyList<ConfigurationError> Errors { get; }
}
