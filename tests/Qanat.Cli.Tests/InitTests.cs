using System.Text.Json;
using Qanat.Cli.Servers;
using Qanat.Configuration;
using Qanat.Node.Options;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using HubOptions = Qanat.Hub.HubOptions;

namespace Qanat.Cli.Tests;

public sealed class InitTests : IDisposable
{
    private const string SomeMid = "aaaaa-bbbbb-ccccc-ddddd-eeeeea";
    private static readonly string s_token = NewToken();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-init-");

    private string Data => Path.Combine(_folder.FullName, "data");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Hub_file_is_good_and_says_what_was_asked()
    {
        Assert.True(Mid.TryParse(SomeMid, out _));
        await Succeed("init", "hub", "--data", Data, "--name", "hub-a", "--listen", "ws://127.0.0.1:1", "--advertise", "ws://hub.example:2",
            "--mesh", "tcp://127.0.0.1:3", "--mesh-advertise", "tcp://hub.example:4", "--admin", "http://127.0.0.1:5",
            "--peer", $"hub-b={SomeMid}@tcp://b.example:6", "--peer", $"hub-c={SomeMid.Replace('b', 'd')}");
        HubOptions options = ConfigurationFile.Load(Path.Combine(Data, "hub.yaml"), ServerRole.HubValidator);
        Assert.Equal("hub-a", options.Name);
        Assert.Equal(Data, options.DataFolder);
        Assert.Equal(["ws://127.0.0.1:1"], options.Listen);
        Assert.Equal(["ws://hub.example:2"], options.Advertise);
        Assert.Equal(("tcp://127.0.0.1:3", "tcp://hub.example:4"), (options.Mesh.Listen, options.Mesh.Advertise));
        Assert.Equal([("hub-b", SomeMid, "tcp://b.example:6"), ("hub-c", SomeMid.Replace('b', 'd'), null)], options.Mesh.Peers.Select(p => (p.Name, p.Mid, p.Address)));
        Assert.Equal("http://127.0.0.1:5", options.Admin.Listen);
    }

    [Fact]
    public async Task Node_file_is_good_and_says_what_was_asked()
    {
        await Succeed("init", "node", "--data", Data, "--name", "hospital-a", "--hub", "ws://h:1", "--hub", "wss://h:2", "--hub-mid", SomeMid,
            "--token", s_token, "--proxy", "[::1]:3", "--admin", "http://127.0.0.1:4", "--service", "psi=http://127.0.0.1:5,hospital-b,hospital-c.hub-c");
        NodeOptions options = ConfigurationFile.Load(Path.Combine(Data, "node.yaml"), ServerRole.NodeValidator);
        Assert.Equal(("hospital-a", Data), (options.Name, options.Identity));
        Assert.Equal([("ws://h:1", SomeMid), ("wss://h:2", null)], options.Hubs.Select(h => (h.Url, h.Mid)));
        Assert.Equal(s_token, options.EnrolmentToken);
        Assert.Equal(("[::1]:3", "http://127.0.0.1:4"), (options.Proxy.Listen, options.Admin.Listen));
        Assert.Equal("http://127.0.0.1:5", options.Services["psi"].Target);
        Assert.Equal(["hospital-b", "hospital-c.hub-c"], options.Services["psi"].Allow);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Token_comes_from_a_file_or_from_standard_input(bool isStandardInput)
    {
        string file = isStandardInput ? "-" : Path.Combine(_folder.FullName, "token");
        if (!isStandardInput)
        {
            await File.WriteAllTextAsync(file, s_token + "\n", TestContext.Current.CancellationToken);
        }
        (int code, string output, string error) = await Cli.RunAsync(isStandardInput ? s_token + "\n" : "", TestContext.Current.CancellationToken,
            "init", "node", "--data", Data, "--name", "a", "--hub", "ws://h:1", "--token-file", file);
        Assert.True(code == 0, error);
        Assert.DoesNotContain(s_token, output, StringComparison.Ordinal);
        Assert.Equal(s_token, ConfigurationFile.Load(Path.Combine(Data, "node.yaml"), ServerRole.NodeValidator).EnrolmentToken);
    }

    [Theory]
    [InlineData("usage", "--token", "x.y", "--token-file", "-")]
    [InlineData("invalid-token", "--token-file", "-")]
    [InlineData("invalid-token", "--token", "hospital.AAAA")]
    public async Task Two_tokens_or_a_damaged_one_make_nothing_and_are_not_repeated(string error, params string[] arguments)
    {
        (int code, _, string written) = await Cli.RunAsync("hospital.AAAA\n", TestContext.Current.CancellationToken,
            ["init", "node", "--data", Data, "--name", "a", "--hub", "ws://h:1", .. arguments]);
        Assert.Equal(2, code);
        Assert.StartsWith($"error {error}: ", written, StringComparison.Ordinal);
        Assert.DoesNotContain("AAAA", written, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task Folder_key_and_files_are_for_their_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix file modes");
            return;
        }
        await Succeed("init", "node", "--data", Data, "--name", "a", "--hub", "ws://h:1", "--token", s_token);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Data));
        foreach (string file in Directory.GetFiles(Data))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task Nothing_is_overwritten_and_the_key_stays()
    {
        JsonElement first = await Succeed("init", "hub", "--data", Data, "--name", "hub-a");
        (int code, string output, _) = await Cli.RunAsync("init", "hub", "--data", Data, "--name", "hub-x", "--json");
        Assert.Equal(1, code);
        Assert.Contains("already-initialised", output, StringComparison.Ordinal);
        File.Delete(Path.Combine(Data, "hub.yaml"));
        JsonElement again = await Succeed("init", "hub", "--data", Data, "--name", "hub-x");
        Assert.Equal(first.GetProperty("mid").GetString(), again.GetProperty("mid").GetString());
    }

    [Theory]
    [InlineData("hub", "--name", "hub-a")]
    [InlineData("node", "--name", "hospital-a", "--hub", "ws://h:1")]
    public async Task Check_tells_what_the_file_is_for(string role, params string[] arguments)
    {
        await Succeed(["init", role, "--data", Data, .. arguments]);
        JsonElement checkedFile = await Succeed("config", "check", Path.Combine(Data, role + ".yaml"));
        Assert.Equal(role, checkedFile.GetProperty("role").GetString());
    }

    [Fact]
    public async Task Check_of_a_bad_file_returns_2_and_every_error()
    {
        await Succeed("init", "node", "--data", Data, "--name", "hospital-a", "--hub", "ws://h:1");
        string file = Path.Combine(Data, "node.yaml");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Replace("ws://h:1", "h:1", StringComparison.Ordinal) + "\nproxi: {}\n", TestContext.Current.CancellationToken);
        (int code, _, string error) = await Cli.RunAsync("config", "check", file);
        Assert.Equal(2, code);
        Assert.Contains("hubs[0].url", error, StringComparison.Ordinal);
        Assert.Contains("proxi: unknown key (did you mean 'proxy'?)", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hub", "listen[0]: ", "--listen", "foo")]
    [InlineData("hub", "admin.listen: ", "--admin", "127.0.0.1:1")]
    [InlineData("hub", "mesh.listen: ", "--mesh", "ws://127.0.0.1:1")]
    [InlineData("node", "hubs[1].url: ", "--hub", "http://h:2")]
    [InlineData("node", "proxy.listen: ", "--proxy", "7080")]
    [InlineData("node", "services.web.target: ", "--service", "web=127.0.0.1:80")]
    [InlineData("node", "services.web.allow[0]: ", "--service", "web=http://127.0.0.1:80,A B")]
    public async Task Wrong_value_is_refused_before_anything_is_written(string role, string key, params string[] arguments)
    {
        string[] hub = role == "node" ? ["--hub", "ws://h:1", "--token", s_token] : [];
        (int code, _, string error) = await Cli.RunAsync(["init", role, "--data", Data, "--name", "a", .. hub, .. arguments]);
        Assert.Equal(2, code);
        Assert.StartsWith($"error usage: {key}", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task Line_for_other_hubs_can_be_pasted_into_their_file()
    {
        await Succeed("init", "hub", "--data", Data, "--name", "hub-a");
        string other = Path.Combine(_folder.FullName, "other");
        (_, string output, _) = await Cli.RunAsync("init", "hub", "--data", other, "--name", "hub-b", "--mesh", "tcp://127.0.0.1:9");
        string line = Assert.Single(output.Split('\n'), l => l.Contains("- {", StringComparison.Ordinal));
        string file = Path.Combine(Data, "hub.yaml");
        string text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(file, text.Replace("peers: []", "peers:\n    " + line[line.IndexOf("- {", StringComparison.Ordinal)..], StringComparison.Ordinal), TestContext.Current.CancellationToken);
        Assert.Equal([("hub-b", "tcp://127.0.0.1:9")], ConfigurationFile.Load(file, ServerRole.HubValidator).Mesh.Peers.Select(p => (p.Name, p.Address)));
    }

    [Theory]
    [InlineData("hub")]
    [InlineData("node")]
    public async Task File_of_the_other_server_is_told_as_that_in_one_line(string role)
    {
        string other = role == "hub" ? "node" : "hub";
        string[] hub = other == "node" ? ["--hub", "ws://h:1"] : [];
        await Succeed(["init", other, "--data", Data, "--name", "a", .. hub]);
        (int code, _, string error) = await Cli.RunAsync(role, "--config", Path.Combine(Data, other + ".yaml"));
        Assert.Equal(2, code);
        Assert.Contains($"this is the configuration of a {other}; a {role}'s is needed here", Assert.Single(error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no setting of a hub or a node")]
    [InlineData("- a\n", "no setting of a hub or a node")]
    [InlineData("name: a\nhubs:\n\t- url: ws://h:1\n", "c.yaml:3:1: a tab in the indentation (indent with spaces)")]
    [InlineData("name: a\nname: b\n", "c.yaml:2:1: the key 'name' is written twice (remove one)")]
    [InlineData("nam: a\n", "c.yaml:1:1: nam: unknown key (did you mean 'name'?)")]
    public async Task Check_says_what_is_wrong_with_a_file_that_is_hardly_one(string text, string expected)
    {
        string file = Path.Combine(_folder.FullName, "c.yaml");
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
        (int code, _, string error) = await Cli.RunAsync("config", "check", file);
        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_of_a_folder_or_of_nothing_says_so()
    {
        (int code, _, string error) = await Cli.RunAsync("config", "check", _folder.FullName);
        Assert.Equal((2, $"error config-unreadable: {_folder.FullName}: this is a folder (name the YAML file in it)"), (code, error.Trim()));
        (code, _, error) = await Cli.RunAsync("config", "check", Data);
        Assert.Equal((2, $"error config-unreadable: {Data}: no such file ('qanat init hub' or 'qanat init node' writes one)"), (code, error.Trim()));
    }

    private static string NewToken()
    {
        using EnrolmentToken token = EnrolmentToken.Create();
        return token.DangerousExport();
    }

    private static async Task<JsonElement> Succeed(params string[] arguments)
    {
        (int code, string output, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }
}
