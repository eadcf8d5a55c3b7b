using System.Globalization;
using System.Text.RegularExpressions;

namespace Qanat.Configuration;

/// <summary>Byte counts as people write them: <c>4096</c>, <c>64KiB</c>, <c>16 MiB</c>, <c>1GiB</c>.</summary>
public static partial class ByteCount
{
    /// <summary>Parses a count that is not negative. False when it is malformed or larger than <see cref="long.MaxValue"/>.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        Match match = Form().Match(text);
        long unit = match.Groups["unit"].Value switch { "KiB" => 1L << 10, "MiB" => 1L << 20, "GiB" => 1L << 30, _ => 1 };
        if (!match.Success || !long.TryParse(match.Groups["number"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out long number) || number > long.MaxValue / unit)
        {
            return false;
        }
        bytes = number * unit;
        return true;
    }

    [GeneratedRegex("^(?<number>[0-9]{1,19})(?: ?(?<unit>[KMG]iB))?$")]
    private static partial Regex Form();
}
