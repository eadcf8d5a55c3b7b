using System.Text.Json;
using System.Text.RegularExpressions;
using Qanat.Cli.Output;

namespace Qanat.Cli.Starting;

/// <summary>Writes single YAML values that read back as the same text.</summary>
internal static partial class YamlText
{
    /// <summary>Plain when that is safe, otherwise in double quotes (a JSON string is a YAML string).</summary>
    public static string Scalar(string value) =>
        Plain().IsMatch(value) && value is not ("true" or "false" or "null") ? value : JsonSerializer.Serialize(value, CliOutput.Json);

    /// <summary>A one-line list.</summary>
    public static string List(IEnumerable<string> values) => $"[{string.Join(", ", values.Select(Quoted))}]";

    private static string Quoted(string value) => JsonSerializer.Serialize(value, CliOutput.Json);

    // Starts with a letter or '/', so it is never a number; ':' only before a character that is no space, so it is never a key.
    [GeneratedRegex("^[A-Za-z/](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9/]))*$")]
    private static partial Regex Plain();
}
