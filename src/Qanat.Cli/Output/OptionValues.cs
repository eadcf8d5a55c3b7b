using System.CommandLine.Parsing;
using System.Globalization;

namespace Qanat.Cli.Output;

/// <summary>Values of options, refused in the user's words and not in those of the runtime's types.</summary>
internal static class OptionValues
{
    /// <summary>A number with a decimal point or without.</summary>
    public static double? Number(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
        {
            return number;
        }
        result.AddError($"'{text}' is not a number such as 24 or 0.5.");
        return null;
    }
}
