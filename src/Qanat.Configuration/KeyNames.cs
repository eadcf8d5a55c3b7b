using System.Text;

namespace Qanat.Configuration;

/// <summary>Kebab-case keys for C# members, and the nearest known key to a mistyped one.</summary>
public static class KeyNames
{
    /// <summary><c>SessionWindowMaxBytes</c> is <c>session-window-max-bytes</c>.</summary>
    public static string ToKebab(string member)
    {
        StringBuilder text = new(member.Length + 8);
        for (int i = 0; i < member.Length; i++)
        {
            char c = member[i];
            bool startsWord = char.IsUpper(c) && i > 0 &&
                (!char.IsUpper(member[i - 1]) || (i + 1 < member.Length && char.IsLower(member[i + 1])));
            if (startsWord && member[i - 1] is not ('-' or '.' or '[' or ']'))
            {
                text.Append('-');
            }
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    /// <summary>
    /// The candidate that needs the fewest edits (insert, delete, replace, swap of neighbours) to become <paramref name="key"/>;
    /// null when none is near: more than a third of the longer name would have to change.
    /// </summary>
    public static string? Nearest(string key, IEnumerable<string> candidates)
    {
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in candidates)
        {
            int distance = Distance(key, candidate);
            if (distance < bestDistance && distance * 3 <= Math.Max(key.Length, candidate.Length))
            {
                (best, bestDistance) = (candidate, distance);
            }
        }
        return best;
    }

    // Optimal string alignment distance; keys are short, so three rows on the stack-free heap are cheap enough.
    private static int Distance(string a, string b)
    {
        int[] previous2 = new int[b.Length + 1];
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] row = new int[b.Length + 1];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1] + 1, previous[j] + 1), previous[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    row[j] = Math.Min(row[j], previous2[j - 2] + 1);
                }
            }
            (previous2, previous) = (previous, row);
        }
        return previous[b.Length];
    }
}
