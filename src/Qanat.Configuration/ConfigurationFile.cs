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
                throw Unreadable(path, $"the file has {info.Length} bytes; at most {MaxFileBytes} are read");
            }
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message);
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
            throw At(file, e.Start, ConfigurationFault.ConfigSyntax, e.InnerException?.Message ?? e.Message, null);
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

    private static ConfigurationException Unreadable(string path, string message) =>
        new([new ConfigurationError(path, 1, 1, "", ConfigurationFault.ConfigUnreadable, message)]);

    private static ConfigurationException At(string file, Mark mark, ConfigurationFault fault, string message, string? fix) =>
        new([new ConfigurationError(file, (int)mark.Line, (int)mark.Column, "", fault, message, fix)]);
}
