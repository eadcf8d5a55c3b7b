using System.Collections;
using System.Reflection;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Qanat.Configuration.Binding;

/// <summary>
/// Binds one YAML document to plain classes and remembers where every key stands, so that later errors can point at it.
/// Goes on after an error, to report all of them. One instance per document; not thread-safe.
/// </summary>
internal sealed class YamlBinder(string file)
{
    // Aliases let a small file unfold into a huge tree; no honest configuration comes near this.
    private const int MaxNodes = 100_000;

    private readonly Dictionary<string, Mark> _marks = [];
    private readonly Dictionary<object, string> _paths = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _failedKeys = [];
    private readonly ScalarReader _scalars = new(Path.GetDirectoryName(Path.GetFullPath(file))!);
    private int _nodes;

    public List<ConfigurationError> Errors { get; } = [];

    /// <summary>Every object that was created or filled, with the dotted path of its key.</summary>
    public IReadOnlyDictionary<object, string> Objects => _paths;

    public T BindRoot<T>(YamlNode? root) where T : class, new()
    {
        T options = new();
        _paths[options] = "";
        _marks[""] = root?.Start ?? new Mark(0, 1, 1);
        if (root is YamlMappingNode mapping)
        {
            FillObject(options, mapping, "");
        }
        else if (root is not (null or YamlScalarNode { Value: null or "" }))
        {
            Fail("", root.Start, ConfigurationFault.ConfigWrongType, "expected 'key: value' lines");
        }
        return options;
    }

    /// <summary>Adds an error at a key, or at its nearest ancestor in the file when the key itself is not written.</summary>
    public void Fail(string key, ConfigurationFault fault, string message, string? fix = null)
    {
        if (_failedKeys.Contains(key) && key.Length > 0)
        {
            return;
        }
        string place = key;
        while (!_marks.ContainsKey(place))
        {
            int cut = place.LastIndexOfAny(['.', '[']);
            place = cut < 0 ? "" : place[..cut];
        }
        Fail(key, _marks[place], fault, message, fix);
    }

    private void Fail(string key, Mark mark, ConfigurationFault fault, string message, string? fix = null)
    {
        _failedKeys.Add(key);
        Errors.Add(new ConfigurationError(file, (int)mark.Line, (int)mark.Column, key, fault, message, fix));
    }

    private void FillObject(object target, YamlMappingNode mapping, string path)
    {
        Dictionary<string, PropertyInfo> settings = Settings(target.GetType());
        foreach ((YamlNode keyNode, YamlNode value) in mapping.Children)
        {
            string name = (keyNode as YamlScalarNode)?.Value ?? "";
            string key = Join(path, name);
            if (!settings.TryGetValue(name, out PropertyInfo? property))
            {
                string? near = KeyNames.Nearest(name, settings.Keys);
                Fail(key, keyNode.Start, ConfigurationFault.ConfigUnknownKey, "unknown key",
                    near is null ? $"known keys here: {string.Join(", ", settings.Keys.Order())}" : $"did you mean '{near}'?");
                continue;
            }
            _marks[key] = keyNode.Start;
            if (Bind(property.PropertyType, value, key, property.GetValue(target)) is { } bound && property.CanWrite)
            {
                property.SetValue(target, bound);
            }
        }
    }

    /// <summary>Null when nothing is to be set: an error was reported, or the value is empty and the default stays.</summary>
    private object? Bind(Type type, YamlNode node, string key, object? current)
    {
        if (++_nodes > MaxNodes)
        {
            if (_nodes == MaxNodes + 1)
            {
                Fail(key, node.Start, ConfigurationFault.ConfigSyntax, $"more than {MaxNodes} values");
            }
            return null;
        }
        type = Nullable.GetUnderlyingType(type) ?? type;
        bool isEmpty = node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };
        if (ScalarReader.IsScalar(type))
        {
            return isEmpty ? null : BindScalar(type, node, key);
        }
        if (DictionaryValueType(type) is { } valueType)
        {
            return isEmpty ? null : BindDictionary(valueType, node, key, current);
        }
        if (ElementType(type) is { } elementType)
        {
            return isEmpty ? null : BindList(type, elementType, node, key);
        }
        object target = current ?? Activator.CreateInstance(type)!;
        _paths[target] = key;
        if (node is YamlMappingNode mapping)
        {
            FillObject(target, mapping, key);
        }
        else if (!isEmpty)
        {
            Fail(key, node.Start, ConfigurationFault.ConfigWrongType, "expected keys below it, not a single value",
                $"known keys here: {string.Join(", ", Settings(type).Keys.Order())}");
            return null;
        }
        return target;
    }

    private object? BindScalar(Type type, YamlNode node, string key)
    {
        if (node is not YamlScalarNode scalar)
        {
            Fail(key, node.Start, ConfigurationFault.ConfigWrongType, "expected one value", ScalarReader.Example(type, key));
            return null;
        }
        if (_scalars.TryRead(type, scalar.Value ?? "", key, out object? value, out ScalarProblem? problem))
        {
            return value;
        }
        Fail(key, node.Start, problem!.Fault, problem.Message, problem.Fix);
        return null;
    }

    private object? BindDictionary(Type valueType, YamlNode node, string key, object? current)
    {
        if (node is not YamlMappingNode mapping)
        {
            Fail(key, node.Start, ConfigurationFault.ConfigWrongType, "expected 'name: value' lines below it");
            return null;
        }
        IDictionary result = current is IDictionary { IsReadOnly: false } given
            ? given
            : (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), valueType))!;
        foreach ((YamlNode nameNode, YamlNode valueNode) in mapping.Children)
        {
            string name = (nameNode as YamlScalarNode)?.Value ?? "";
            string entryKey = Join(key, name);
            _marks[entryKey] = nameNode.Start;
            if (Bind(valueType, valueNode, entryKey, null) is { } value)
            {
                result[name] = value;
            }
        }
        return result;
    }

    private object? BindList(Type type, Type elementType, YamlNode node, string key)
    {
        if (node is not YamlSequenceNode sequence)
        {
            Fail(key, node.Start, ConfigurationFault.ConfigWrongType, "expected a list", "write '[a, b]' or one '- item' a line");
            return null;
        }
        IList items = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(elementType))!;
        foreach ((int index, YamlNode itemNode) in sequence.Children.Index())
        {
            string itemKey = $"{key}[{index}]";
            _marks[itemKey] = itemNode.Start;
            if (Bind(elementType, itemNode, itemKey, null) is { } item)
            {
                items.Add(item);
            }
        }
        if (!type.IsArray)
        {
            return items;
        }
        Array array = Array.CreateInstance(elementType, items.Count);
        items.CopyTo(array, 0);
        return array;
    }

    internal static Dictionary<string, PropertyInfo> Settings(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.GetIndexParameters().Length == 0 && (p.SetMethod?.IsPublic == true || IsFillable(p.PropertyType)))
            .ToDictionary(p => KeyNames.ToKebab(p.Name));

    private static bool IsFillable(Type type) => DictionaryValueType(type) is not null;

    private static Type? DictionaryValueType(Type type) =>
        type.IsGenericType && type.GetGenericArguments() is [var key, var value] && key == typeof(string) &&
        type.IsAssignableFrom(typeof(Dictionary<,>).MakeGenericType(key, value)) ? value : null;

    private static Type? ElementType(Type type) =>
        type.IsArray ? type.GetElementType()
        : type.IsGenericType && type.GetGenericArguments() is [var item] && type.IsAssignableFrom(typeof(List<>).MakeGenericType(item)) ? item : null;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
