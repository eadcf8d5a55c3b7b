using System.Text.RegularExpressions;
using Qanat.Configuration;
using Qanat.Node.Options;
using Qanat.Tls;
using Qanat.Tls.Replay;
using Qanat.Tunnel;

namespace Qanat.Cli.Tests;

/// <summary>What the pages promise is compared with the code, so that neither can change alone.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string s_root = FindRoot();

    [Fact]
    public void Every_setting_is_described()
    {
        string page = Read("docs/operations/configuration.md");
        string[] keys = [.. SettingKeys.Of(typeof(Hub.HubOptions)), .. SettingKeys.Of(typeof(NodeOptions))];
        Assert.True(keys.Length > 40);
        Assert.Equal([], keys.Where(key => !page.Contains($"| `{key}` |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_described_setting_exists()
    {
        string[] keys = [.. SettingKeys.Of(typeof(Hub.HubOptions)), .. SettingKeys.Of(typeof(NodeOptions))];
        IEnumerable<string> described = TableCode().Matches(Read("docs/operations/configuration.md")).Select(m => m.Groups["code"].Value);
        Assert.Empty(described.Except(keys));
    }

    [Fact]
    public void Every_error_code_is_described()
    {
        string page = Read("docs/operations/errors.md");
        IEnumerable<string> codes = Enum.GetValues<TunnelError>().Where(e => e != TunnelError.None).Select(TunnelException.ToCode)
            .Concat(Enum.GetNames<ConfigurationFault>().Select(KeyNames.ToKebab))
            .Concat(Sources("src/Qanat.Cli").SelectMany(text => CliCode().Matches(text).Select(m => m.Groups["code"].Value)));
        Assert.Equal([], codes.Distinct().Where(code => !page.Contains($"| `{code}` |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_reason_to_refuse_a_certificate_chain_is_described()
    {
        string page = Read("docs/operations/gm.md");
        Assert.Equal([], Enum.GetNames<Tls.Certificates.SmChainError>().Where(name => !page.Contains($"`{name}`", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_error_of_an_SM_TLS_connection_is_described()
    {
        string page = Read("docs/operations/errors.md");
        Assert.Equal([], Enum.GetValues<SmTlsError>().Where(e => e != SmTlsError.None).Select(e => e.ToCode()).Where(code => !page.Contains($"| `{code}` |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_cause_that_a_replay_names_is_described()
    {
        string page = Read("docs/operations/gm-replay.md");
        Assert.Equal([], Enum.GetNames<ReplayCause>().Where(c => c != nameof(ReplayCause.None)).Select(KeyNames.ToKebab).Where(code => !page.Contains($"| `{code}` |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_log_event_is_described_and_has_its_own_id()
    {
        string page = Read("docs/operations/events.md");
        int[] ids = [.. Sources("src").SelectMany(text => EventId().Matches(text).Select(m => int.Parse(m.Groups["id"].Value)))];
        Assert.NotEmpty(ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.Equal([], ids.Where(id => !page.Contains($"| {id} |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_metric_is_described()
    {
        string page = Read("docs/operations/metrics.md");
        string[] names = [.. Sources("src").SelectMany(text => MetricName().Matches(text).Select(m => m.Groups["name"].Value)).Distinct()];
        Assert.NotEmpty(names);
        Assert.Equal([], names.Where(name => !page.Contains($"| `{name}` |", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_command_in_the_pages_is_understood()
    {
        string[] pages = ["README.md", "docs/operations/runbook.md", "docs/operations/configuration.md", "docs/operations/gm.md", "docs/operations/gm-replay.md", "deploy/systemd/README.md"];
        string[] lines = [.. pages.SelectMany(page => CommandLine().Matches(Read(page).Replace("\\\n", " ", StringComparison.Ordinal))).Select(m => m.Groups["line"].Value.Trim())];
        Assert.True(lines.Length > 10);
        foreach (string line in lines)
        {
            Assert.True(QanatCommand.TryParse(Optional().Replace(line, "$1"), out string[] errors), $"{line}: {string.Join("; ", errors)}");
        }
    }

    [Fact]
    public void Every_link_between_pages_leads_somewhere()
    {
        List<string> broken = [];
        foreach (string page in Directory.EnumerateFiles(s_root, "*.md", SearchOption.AllDirectories).Where(IsOurs))
        {
            foreach (Match link in Link().Matches(File.ReadAllText(page)))
            {
                string target = Path.Combine(Path.GetDirectoryName(page)!, link.Groups["target"].Value);
                if (!File.Exists(target) && !Directory.Exists(target))
                {
                    broken.Add($"{Path.GetRelativePath(s_root, page)}: {link.Groups["target"].Value}");
                }
            }
        }
        Assert.Empty(broken);
    }

    private static bool IsOurs(string path)
    {
        string relative = Path.GetRelativePath(s_root, path);
        return !relative.StartsWith("artifacts", StringComparison.Ordinal) && !relative.Contains("node_modules", StringComparison.Ordinal)
            && !relative.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or ".git");
    }

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(s_root, folder), "*.cs", SearchOption.AllDirectories).Where(IsOurs).Select(File.ReadAllText);

    private static string Read(string page) => File.ReadAllText(Path.Combine(s_root, page));

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Qanat.slnx")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new DirectoryNotFoundException("Qanat.slnx is in no folder above the tests.");
    }

    [GeneratedRegex(@"^\| `(?<code>[^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex TableCode();

    [GeneratedRegex(@"new (?:CliException|CliError)\(\s*""(?<code>[a-z-]+)""")]
    private static partial Regex CliCode();

    [GeneratedRegex(@"LoggerMessage\(\s*(?:EventId = )?(?<id>[0-9]+)")]
    private static partial Regex EventId();

    [GeneratedRegex(@"Create(?:Counter|Histogram|UpDownCounter|Gauge|ObservableGauge|ObservableCounter|ObservableUpDownCounter)(?:<[a-z]+>)?\(\s*""(?<name>[a-z_.]+)""")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"^ *qanat (?<line>[a-z][^#&|>\n]*)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    // [--name X] in a page is optional; it must be understood too.
    [GeneratedRegex(@"\[([^\]]*)\]")]
    private static partial Regex Optional();

    [GeneratedRegex(@"\]\((?!https?://|#|mailto:)(?<target>[^)#]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
