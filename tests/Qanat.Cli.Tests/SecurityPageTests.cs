using System.Text.RegularExpressions;

namespace Qanat.Cli.Tests;

/// <summary>The table of security checks names code and tests that exist.</summary>
public sealed partial class SecurityPageTests
{
    [Fact]
    public void Every_check_names_its_code_and_its_test()
    {
        string root = Root();
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file)!)];
        HashSet<string> tests = [.. Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories).SelectMany(file =>
            Method().Matches(File.ReadAllText(file)).Select(m => $"{Path.GetFileNameWithoutExtension(file)}.{m.Groups["name"].Value}"))];
        string[][] rows = [.. File.ReadLines(Path.Combine(root, "docs", "security.md")).Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| attack", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
        Assert.True(rows.Length > 50);
        Assert.All(rows, row =>
        {
            Assert.Equal(4, row.Length);
            Assert.All(Names(row[2]), code => Assert.True(Path.Exists(Path.Combine(root, "src", code)), code));
            // A test, or all of a class.
            Assert.All(Names(row[3]), test => Assert.True(tests.Contains(test) || files.Contains(test), test));
        });

        static string[] Names(string cell)
        {
            string[] names = [.. Quoted().Matches(cell).Select(m => m.Groups["name"].Value)];
            Assert.NotEmpty(names);
            return names;
        }
    }

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Qanat.slnx")))
        {
            folder = folder.Parent;
        }
        return folder!.FullName;
    }

    [GeneratedRegex("`(?<name>[^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"public (?:async )?(?:Task|void) (?<name>[A-Z]\w+)\(")]
    private static partial Regex Method();
}
