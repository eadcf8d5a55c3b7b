using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Qanat.Configuration.Binding;

/// <summary>Why a scalar could not be read.</summary>
internal sealed record ScalarProblem(ConfigurationFault Fault, string Message, string? Fix);

/// <summary>Turns one YAML scalar into a value: substitution first, then the type's own parser.</summary>
internal sealed partial class ScalarReader(string baseDirectory)
{
    // A secret is a token, a password or a short PEM; more is a mistake.
    private const int MaxSecretBytes = 64 * 1024;

    private static readonly MethodInfo s_parseOrNull =
        typeof(ScalarReader).GetMethod(nameof(ParseOrNull), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static bool IsScalar(Type type) =>
        type == typeof(string) || type == typeof(Uri) || type == typeof(IPEndPoint) || type.IsEnum || IsParsable(type);

    /// <summary>A value that would be accepted, as a hint.</summary>
    public static string Example(Type type, string key) => type switch
    {
        _ when type == typeof(bool) => "write true or false",
        _ when type.IsEnum => $"one of: {string.Join(", ", Enum.GetNames(type).Select(KeyNames.ToKebab))}",
        _ when type == typeof(IPEndPoint) => "write ADDRESS:PORT, such as 127.0.0.1:7001",
        _ when type == typeof(Uri) => "write a whole URL, such as ws://hub.example:7000",
        _ when IsByteCount(type, key) => "write a number of bytes, or one with KiB, MiB or GiB",
        _ when IsWholeNumber(type) => "write a whole number",
        _ when type == typeof(string) => "write text",
        _ => $"write a {type.Name.ToLowerInvariant()}",
    };

    public bool TryRead(Type type, string text, string key, out object? value, out ScalarProblem? problem)
    {
        value = null;
        bool isSecret = SecretKeys.IsSecret(key);
        if (!TrySubstitute(text, out string substituted, out problem) ||
            (isSecret && !TryReadSecretFile(ref substituted, out problem)))
        {
            return false;
        }
        if (TryParse(type, substituted, key, out value))
        {
            return true;
        }
        string shown = isSecret || substituted != text ? "the value" : $"'{text}'";
        problem = new ScalarProblem(ConfigurationFault.ConfigWrongType, $"{shown} is not {Describe(type, key)}", Example(type, key));
        return false;
    }

    private static bool TryParse(Type type, string text, string key, out object? value)
    {
        value = null;
        if (type == typeof(string))
        {
            value = text;
        }
        else if (type.IsEnum)
        {
            string? name = Enum.GetNames(type).FirstOrDefault(n => KeyNames.ToKebab(n) == text);
            value = name is null ? null : Enum.Parse(type, name);
        }
        else if (type == typeof(Uri))
        {
            value = Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) ? uri : null;
        }
        else if (type == typeof(IPEndPoint))
        {
            // Without a port the parser says 0; that is only right when it was written.
            value = IPEndPoint.TryParse(text, out IPEndPoint? end) && text.Contains(':', StringComparison.Ordinal) ? end : null;
        }
        else if (IsByteCount(type, key) && ByteCount.TryParse(text, out long bytes))
        {
            value = Narrow(type, bytes);
        }
        else
        {
            value = s_parseOrNull.MakeGenericMethod(type).Invoke(null, [text]);
        }
        return value is not null;
    }

    private static object? Narrow(Type type, long number)
    {
        try
        {
            return Convert.ChangeType(number, type, CultureInfo.InvariantCulture);
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static bool TrySubstitute(string text, out string result, out ScalarProblem? problem)
    {
        string? missing = null;
        result = EnvironmentReference().Replace(text, match =>
        {
            string name = match.Groups["name"].Value;
            string? found = Environment.GetEnvironmentVariable(name);
            missing ??= found is null ? name : null;
            return found ?? "";
        });
        problem = missing is null ? null : new ScalarProblem(ConfigurationFault.ConfigSecretMissing, $"the environment variable {missing} is not set", $"export {missing}=...");
        return problem is null;
    }

    private bool TryReadSecretFile(ref string text, out ScalarProblem? problem)
    {
        problem = null;
        if (!text.StartsWith("file:", StringComparison.Ordinal))
        {
            return true;
        }
        string path = Path.Combine(baseDirectory, text["file:".Length..]);
        try
        {
            if (new FileInfo(path).Length > MaxSecretBytes)
            {
                problem = new ScalarProblem(ConfigurationFault.ConfigSecretMissing, $"the secret file {path} is larger than {MaxSecretBytes} bytes", null);
                return false;
            }
            text = File.ReadAllText(path).TrimEnd('\r', '\n');
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = new ScalarProblem(ConfigurationFault.ConfigSecretMissing, $"the secret file {path} cannot be read", "check its name and its owner");
            return false;
        }
    }

    private static string Describe(Type type, string key) =>
        type.IsEnum ? "a known word"
        : type == typeof(IPEndPoint) ? "an address and port"
        : type == typeof(Uri) ? "a URL"
        : type == typeof(bool) ? "true or false"
        : IsByteCount(type, key) ? "a byte count"
        : IsWholeNumber(type) ? "a whole number that fits here"
        : $"a {KeyNames.ToKebab(type.Name)}";

    private static bool IsWholeNumber(Type type) =>
        type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(System.Numerics.IBinaryInteger<>));

    private static bool IsByteCount(Type type, string key) =>
        IsWholeNumber(type) && (key.EndsWith("bytes", StringComparison.Ordinal) || key.EndsWith("bytes-per-second", StringComparison.Ordinal));

    private static bool IsParsable(Type type) =>
        type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IParsable<>));

    // Some types implement IParsable explicitly (bool), so the static member is reached through a constrained call.
    private static object? ParseOrNull<T>(string text) where T : IParsable<T> =>
        T.TryParse(text, CultureInfo.InvariantCulture, out T? value) ? value : null;

    [GeneratedRegex(@"\$\{ENV:(?<name>[A-Za-z_][A-Za-z0-9_]*)\}")]
    private static partial Regex EnvironmentReference();
}
