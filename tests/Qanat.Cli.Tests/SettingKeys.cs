using System.Reflection;
using Qanat.Configuration;

namespace Qanat.Cli.Tests;

/// <summary>Every leaf key of an options class as the configuration page writes it: <c>mesh.peers[].mid</c>, <c>services.NAME.target</c>.</summary>
internal static class SettingKeys
{
    public static IEnumerable<string> Of(Type type, string prefix = "")
    {
        foreach (PropertyInfo property in type.GetProperties().Where(p => p.SetMethod is not null || p.PropertyType.IsGenericType))
        {
            string key = prefix + KeyNames.ToKebab(property.Name);
            Type[] arguments = property.PropertyType.GetGenericArguments();
            if (arguments is [_, var value] && IsNested(value))
            {
                yield return key + ".NAME";
                foreach (string inner in Of(value, key + ".NAME."))
                {
                    yield return inner;
                }
                continue;
            }
            yield return key;
            Type? nested = IsNested(property.PropertyType) ? property.PropertyType : arguments is [var item] && IsNested(item) ? item : null;
            foreach (string inner in nested is null ? [] : Of(nested, key + (arguments.Length == 1 ? "[]." : ".")))
            {
                yield return inner;
            }
        }
    }

    private static bool IsNested(Type type) => type.IsClass && type.Namespace?.StartsWith("Qanat.", StringComparison.Ordinal) == true;
}
