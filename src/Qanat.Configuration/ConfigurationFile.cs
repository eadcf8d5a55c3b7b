using Microsoft.Extensions.Options;
using Qanat.Configuration.Binding;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Qanat.Configuration;

/// <summary>
/// Reads a YAML file into an options object: kebab-case keys, <c>${ENV:NAME}</c> substitution, <c>file:PATH</c> secrets,
/// and every error at once with its line and column. Stateless and safe to use from any thread.
/// </summary>
public static class ConfigurationFile
{
    /// <summary>Largest accepted file, in bytes.</summary>
    public const int MaxFileBytes = 1 << 20;

    /// <summary>Reads, binds and validates a file.</summary>
    /// <param name="path">The file; relative <c>file:</c> secrets are found beside it.</param>
    /// <param name="validator">Checked after binding, together with the data annotations of the options classes.</param>
    /// <exception cref="ConfigurationException">The file has errors; all of them are in the exception.</exception>
    public static T Load<T>(string path, IValidateOptions<T>? validator = null) where T : class, new()
    {
        string text;
        try
        {
            FileInfo info = new(path);
            if (info.Exists && info.Length > MaxFileBytes)
            {
                throw Unreadable(path, $"the file has {info.Length} bytes; at most {MaxFileBytes} are read", "name the server's own YAML file");
            }
            if (Directory.Exists(path))
            {
                throw Unreadable(path, "this is a folder", "name the YAML file in it");
            }
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw e is FileNotFoundException or DirectoryNotFoundException ? Unreadable(path, "no such file", "'qanat init hub' or 'qanat init node' writes one")
                : e is UnauthorizedAccessException ? Unreadable(path, "this user may not read it", "run as its owner, or change its mode")
                : Unreadable(path, e.Message, null);
        }
        return Parse(text, path, validator);
    }

    /// <summary>Binds and validates text that was read from <paramref name="file"/>.</summary>
    /// <exception cref="ConfigurationException">The text has errors; all of them are in the exception.</exception>
    public static T Parse<T>(string text, string file, IValidateOptions<T>? validator = null) where T : class, new()
    {
        YamlNode? root;
        try
        {
            YamlStream stream = [];
            using StringReader reader = new(text);
            stream.Load(reader);
            if (stream.Documents.Count > 1)
            {
                throw At(file, stream.Documents[1].RootNode.Start, ConfigurationFault.ConfigSyntax, "one YAML document is allowed, not several", "remove '---'");
            }
            root = stream.Documents.Count == 0 ? null : stream.Documents[0].RootNode;
        }
        catch (YamlException e)
        {
            throw Syntax(file, text, e);
        }
#pragma warning disable CA1031 // Whatever the YAML library throws on a file, the file is at fault: ArgumentException for "? :", InvalidOperationException for text behind a broken flow.
        catch (Exception e) when (e is not (ConfigurationException or OutOfMemoryException))
#pragma warning restore CA1031
        {
            throw At(file, new Mark(0, 1, 1), ConfigurationFault.ConfigSyntax, "this is not a YAML mapping", "write keys and values as 'key: value'");
        }
        YamlBinder binder = new(file);
        T options = binder.BindRoot<T>(root);
        OptionsValidation.Run(options, validator, binder);
        if (binder.Errors.Count > 0)
        {
            throw new ConfigurationException([.. binder.Errors.OrderBy(e => e.Line).ThenBy(e => e.Column)]);
        }
        return options;
    }

    /// <summary>How many of a file's first-level keys are settings of <typeparamref name="T"/>: tells what kind of server a file is for. 0 when it is not YAML.</summary>
    public static int CountKnownKeys<T>(string path)
    {
        try
        {
            YamlStream stream = [];
            using StreamReader reader = new(path);
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }, ..]
                ? root.Children.Keys.OfType<YamlScalarNode>().Count(key => YamlBinder.Settings(typeof(T)).ContainsKey(key.Value ?? ""))
                : 0;
        }
#pragma warning disable CA1031 // As in Parse.
        catch (Exception e) when (e is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            return 0;
        }
    }

    private static ConfigurationException Unreadable(string path, string message, string? fix) =>
        new([new ConfigurationError(path, 1, 1, "", ConfigurationFault.ConfigUnreadable, message, fix)]);

    /// <summary>What the YAML library found, in words that name the way out. It tells of a tab at the start of the mapping that the tab ends.</summary>
    private static ConfigurationException Syntax(string file, string text, YamlException e)
    {
        string[] lines = text.Split('\n');
        int tab = Array.FindIndex(lines, line => line.TrimStart(' ').StartsWith('\t') && line.Trim().Length > 0);
        if (tab >= 0)
        {
            return At(file, new Mark(0, tab + 1, lines[tab].IndexOf('\t', StringComparison.Ordinal) + 1), ConfigurationFault.ConfigSyntax, "a tab in the indentation", "indent with spaces");
        }
        string message = (e.InnerException?.Message ?? e.Message).TrimEnd('.');
        return message.StartsWith("Duplicate key ", StringComparison.Ordinal)
            ? At(file, e.Start, ConfigurationFault.ConfigSyntax, $"the key '{message["Duplicate key ".Length..]}' is written twice", "remove one")
            : At(file, e.Start, ConfigurationFault.ConfigSyntax, $"not YAML: {message}", "look at this line and the one before it: indentation, quotes, brackets, a missing colon");
    }

    private static ConfigurationException At(string file, Mark mark, ConfigurationFault fault, string message, string? fix) =>
        new([new ConfigurationError(file, (int)mark.Line, (int)mark.Column, "", fault, message, fix)]);
}
