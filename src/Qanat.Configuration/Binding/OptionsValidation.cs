using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace Qanat.Configuration.Binding;

/// <summary>Runs data annotations on every bound object and then the host's own validator, and places each failure at its key.</summary>
internal static partial class OptionsValidation
{
    public static void Run<T>(T options, IValidateOptions<T>? validator, YamlBinder binder) where T : class
    {
        foreach ((object target, string path) in binder.Objects)
        {
            CheckAnnotations(target, path, binder);
        }
        ValidateOptionsResult? result = validator?.Validate(Options.DefaultName, options);
        foreach (string failure in result?.Failures ?? [])
        {
            Place(typeof(T), failure, binder);
        }
    }

    private static void CheckAnnotations(object target, string path, YamlBinder binder)
    {
        foreach (PropertyInfo property in YamlBinder.Settings(target.GetType()).Values)
        {
            string name = KeyNames.ToKebab(property.Name);
            string key = path.Length == 0 ? name : $"{path}.{name}";
            ValidationContext context = new(target) { MemberName = property.Name, DisplayName = name };
            foreach (ValidationAttribute rule in property.GetCustomAttributes<ValidationAttribute>())
            {
                if (rule.GetType().Name is "ValidateObjectMembersAttribute" or "ValidateEnumeratedItemsAttribute")
                {
                    continue;
                }
                if (rule.GetValidationResult(property.GetValue(target), context) is { } failure)
                {
                    binder.Fail(key, ConfigurationFault.ConfigInvalid, failure.ErrorMessage ?? "invalid");
                }
            }
        }
    }

    private static void Place(Type root, string failure, YamlBinder binder)
    {
        Match match = Failure().Match(failure);
        string? key = match.Success ? ToKey(root, match.Groups["path"].Value) : null;
        binder.Fail(key ?? "", ConfigurationFault.ConfigInvalid, key is null ? failure : match.Groups["message"].Value);
    }

    /// <summary>
    /// The dotted key of a member path in either spelling (<c>Mesh.Peers[0].Address</c>, <c>mesh.peers[0].address</c>); null when the
    /// first part is no setting. Names inside dictionaries are kept as they are.
    /// </summary>
    private static string? ToKey(Type root, string path)
    {
        string[] parts = path.Split('.');
        string first = KeyNames.ToKebab(parts[0].Split('[')[0]);
        if (!YamlBinder.Settings(root).ContainsKey(first))
        {
            return null;
        }
        return string.Join('.', parts.Select(KeyNames.ToKebab));
    }

    // "Property Name: text" and "Name: text" come from the options source generator, "a.b[0]: text" from hand-written validators.
    [GeneratedRegex(@"^(?:Property )?(?<path>[A-Za-z][A-Za-z0-9_.\[\]-]*): (?<message>.+)$", RegexOptions.Singleline)]
    private static partial Regex Failure();
}
