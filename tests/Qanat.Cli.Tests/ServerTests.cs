using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Qanat.Cli.Admin;
using Qanat.Client.Tests;
using Qanat.Tunnel.Tests.Links;

namespace Qanat.Cli.Tests;

/// <summary>The verbs against a hub and two nodes that run in this process, each started by its own command line.</summary>
public sealed class ServerTests : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-server-");
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly List<Task<(int Code, string Output, string Error)>> _servers = [];

    [Fact]
    public async Task Verbs_manage_and_measure_a_running_network()
    {
        string hub = PathOf("hub"), nodeA = PathOf("a"), nodeB = PathOf("b");
        int listen = TestPorts.Take();
        await using HttpStub service = new(TestPorts.Take());
        JsonElement made = await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--listen", $"ws://127.0.0.1:{listen}", "--mesh", $"tcp://127.0.0.1:{TestPorts.Take()}", "--admin", $"http://127.0.0.1:{TestPorts.Take()}");
        string mid = made.GetProperty("mid").GetString()!;
        await StartAsync("hub", Path.Combine(hub, "hub.yaml"));
        await InitNodeAsync(nodeA, "hospital-a", listen, mid, hub);
        await InitNodeAsync(nodeB, "hospital-b", listen, mid, hub, "--service", $"web=http://127.0.0.1:{service.Port},hospital-a");
        await StartAsync("node", Path.Combine(nodeA, "node.yaml"));
        await StartAsync("node", Path.Combine(nodeB, "node.yaml"));

        JsonElement participants = await Succeed("hub", "participants", "--data", hub);
        Assert.Equal(["hospital-a.hub-a", "hospital-b.hub-a"], participants.EnumerateArray().Select(p => p.GetProperty("name").GetString()));
        Assert.All(participants.EnumerateArray(), p => Assert.True(p.GetProperty("linked").GetBoolean()));

        JsonElement report = await Succeed("diagnose", "hospital-b", "--data", nodeA, "--service", "web");
        Assert.Equal(["node-hub", "hub-node", "tunnel", "service"], report.GetProperty("points").EnumerateArray().Select(p => p.GetProperty("hop").GetString()));
        Assert.All(report.GetProperty("points").EnumerateArray(), p => Assert.True(p.GetProperty("roundTrip").GetProperty("count").GetInt32() >= 10));
        Assert.All(report.GetProperty("points").EnumerateArray().Take(3), p => Assert.True(p.GetProperty("bytesPerSecond").GetDouble() > 0));

        (int code, string output, _) = await Cli.RunAsync("diagnose", "nobody", "--data", nodeA, "--json");
        Assert.Equal(1, code);
        Assert.Contains("unknown-participant", output, StringComparison.Ordinal);

        JsonElement broken = await Fail("diagnose", "hospital-b", "--data", nodeA, "--service", "no-such-service");
        Assert.Equal("service", broken.GetProperty("guiltyHop").GetString());

        await Succeed("hub", "quota", "hospital-a", "--data", hub, "--bytes-per-second", "50MiB", "--sessions", "7");
        await Succeed("hub", "quota", "hospital-a", "--data", hub, "--sessions", "default");
        JsonElement quotas = (await Succeed("hub", "participants", "--data", hub)).EnumerateArray().First().GetProperty("quotas");
        Assert.Equal(50 << 20, quotas.GetProperty("bytesPerSecond").GetInt64());
        Assert.Equal(JsonValueKind.Null, quotas.GetProperty("sessions").ValueKind);

        Assert.Equal("hub", (await Succeed("status", "--config", Path.Combine(hub, "hub.yaml"))).GetProperty("role").GetString());
        Assert.Equal("node", (await Succeed("status", "--data", nodeA, "--wait", "30")).GetProperty("role").GetString());
        (int shown, string table, _) = await Cli.RunAsync("status", "--data", hub);
        Assert.Equal(0, shown);
        Assert.All(table.Split('\n'), line => Assert.False(line.EndsWith(' '), line));

        await Succeed("hub", "revoke", "hospital-b", "--data", hub);
        JsonElement revoked = (await Succeed("hub", "participants", "--data", hub)).EnumerateArray().Last();
        Assert.Equal("revoked", revoked.GetProperty("status").GetString());

        await _stop.CancelAsync();
        Assert.All(await Task.WhenAll(_servers), ended => Assert.Equal(0, ended.Code));
    }

    [Fact]
    public async Task Tokens_are_made_listed_and_deleted()
    {
        string hub = await StartHubAsync();
        string text = (await Succeed("hub", "token", "create", "--data", hub, "--name", "hospital-x", "--hours", "2")).GetProperty("token").GetString()!;
        string id = text.Split('.')[0];
        JsonElement listed = Assert.Single((await Succeed("hub", "token", "list", "--data", hub)).EnumerateArray());
        Assert.Equal((id, "hospital-x", "open"), (listed.GetProperty("id").GetString(), listed.GetProperty("name").GetString(), listed.GetProperty("status").GetString()));
        await Succeed("hub", "token", "delete", id, "--data", hub);
        Assert.Empty((await Succeed("hub", "token", "list", "--data", hub)).EnumerateArray());
    }

    [Fact]
    public async Task Server_that_is_not_running_is_said_to_be_unreachable()
    {
        string hub = PathOf("hub");
        await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--admin", $"http://127.0.0.1:{TestPorts.Take()}");
        (int code, string output, _) = await Cli.RunAsync("hub", "participants", "--data", hub, "--json");
        Assert.Equal(1, code);
        Assert.Contains("admin-unreachable", output, StringComparison.Ordinal);
        (code, output, _) = await Cli.RunAsync("status", "--data", hub, "--wait", "0.1", "--json");
        Assert.Equal(1, code);
        Assert.Contains("not-ready", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_may_wait_for_a_server_that_has_never_run()
    {
        string hub = PathOf("hub");
        await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--listen", $"ws://127.0.0.1:{TestPorts.Take()}", "--mesh", $"tcp://127.0.0.1:{TestPorts.Take()}", "--admin", $"http://127.0.0.1:{TestPorts.Take()}");
        // Runs up to its first question before the hub has made its admin token.
        Task<JsonElement> status = Succeed("status", "--data", hub, "--wait", "60");
        await StartAsync("hub", Path.Combine(hub, "hub.yaml"));
        Assert.Equal("hub-a", (await status).GetProperty("status").GetProperty("name").GetString());
    }

    [Fact]
    public async Task Taken_port_ends_the_start_with_a_code()
    {
        string first = await StartHubAsync();
        string second = PathOf("second");
        string listen = $"ws://127.0.0.1:{TestPorts.Take()}";
        await Succeed("init", "hub", "--data", second, "--name", "hub-b", "--listen", listen, "--mesh", $"tcp://127.0.0.1:{TestPorts.Take()}", "--admin", AdminOf(first));
        (int code, _, string error) = await Cli.RunAsync("hub", "--data", second);
        Assert.Equal(1, code);
        Assert.Contains("error start-failed: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_outlives_a_reload_that_it_cannot_take_over()
    {
        string hub = await StartHubAsync(), folder = PathOf("a"), file = Path.Combine(folder, "node.yaml");
        JsonElement status = (await Succeed("status", "--config", Path.Combine(hub, "hub.yaml"))).GetProperty("status");
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        await InitNodeAsync(folder, "hospital-a", new Uri(status.GetProperty("nodeAddresses")[0].GetString()!).Port, status.GetProperty("mid").GetString()!, hub);
        await StartAsync("node", file);
        string good = await File.ReadAllTextAsync(file, _stop.Token), ca = Path.Combine(_folder.FullName, "ca.pem");
        await File.WriteAllTextAsync(ca, "no certificate", _stop.Token);
        using AdminClient admin = Servers.ServerRole.Load(file, "node").Connect();
        foreach (string wrong in new[]
        {
            good.Replace("services: {}", $"services: {{ web: {{ target: 'https://127.0.0.1:9', target-ca: '{ca}' }} }}", StringComparison.Ordinal),
            $"{good}\nforwards: [ {{ listen: '{taken.LocalEndpoint}', to: 'qanat://b/db' }} ]\n",
        })
        {
            Assert.NotEqual(good, wrong);
            await File.WriteAllTextAsync(file, wrong, _stop.Token);
            CliException refused = await Assert.ThrowsAsync<CliException>(() => admin.SendAsync(HttpMethod.Post, "/api/v1/reload", null, _stop.Token));
            Assert.Equal("config-invalid", refused.Code);
            Assert.True(await admin.IsReadyAsync(_stop.Token));
        }
        await File.WriteAllTextAsync(file, good, _stop.Token);
        await admin.SendAsync(HttpMethod.Post, "/api/v1/reload", null, _stop.Token);
    }

    [Fact]
    public async Task Node_reaches_a_hub_with_a_private_ca_through_a_forward_proxy()
    {
        string hub = PathOf("hub"), folder = PathOf("a"), file = Path.Combine(folder, "node.yaml");
        int listen = TestPorts.Take();
        HubCertificate files = HubCertificate.Make(_folder.FullName);
        using ForwardProxy proxy = new("us er", "pa:ss");
        string mid = (await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--listen", $"wss://127.0.0.1:{listen}", "--mesh", $"tcp://127.0.0.1:{TestPorts.Take()}",
            "--admin", $"http://127.0.0.1:{TestPorts.Take()}")).GetProperty("mid").GetString()!;
        await File.AppendAllTextAsync(Path.Combine(hub, "hub.yaml"), $"\ntls-certificate: '{files.Certificate}'\ntls-key: '{files.Key}'\n", _stop.Token);
        await StartAsync("hub", Path.Combine(hub, "hub.yaml"));
        await InitNodeAsync(folder, "hospital-a", listen, mid, hub);
        await File.WriteAllTextAsync(Path.Combine(folder, "proxy.address"), $"http://us%20er:pa%3Ass@127.0.0.1:{proxy.Port}\n", _stop.Token);
        string made = await File.ReadAllTextAsync(file, _stop.Token);
        string[] variants = ["", "\n    http-proxy: socks5://us%20er:pa%3Ass@127.0.0.1:1", $"\n    ca: '{file}'"];
        foreach (string variant in variants)
        {
            await File.WriteAllTextAsync(file, made
                .Replace($"ws://127.0.0.1:{listen}", $"wss://127.0.0.1:{listen}", StringComparison.Ordinal)
                .Replace($"mid: {mid}", $"mid: {mid}{(variant.Length > 0 ? variant : $"\n    http-proxy: file:proxy.address\n    ca: '{files.Ca}'")}", StringComparison.Ordinal), _stop.Token);
            (int code, string output, string error) = await Cli.RunAsync("config", "check", file);
            Assert.Equal(variant.Length == 0 ? 0 : 2, code);
            Assert.DoesNotContain("pa%3Ass", output + error, StringComparison.Ordinal);
            if (variant.Length == 0)
            {
                await StartAsync("node", file);
            }
            else
            {
                Assert.Contains($"hubs[0].{variant.Trim().Split(':')[0]}: ", error, StringComparison.Ordinal);
            }
        }
        Assert.Contains(proxy.Requests, request => request.StartsWith($"CONNECT 127.0.0.1:{listen} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Broken_certificate_file_of_a_hub_is_a_configuration_error()
    {
        string hub = PathOf("hub"), file = Path.Combine(hub, "hub.yaml"), ca = Path.Combine(_folder.FullName, "ca.pem");
        await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--admin", $"http://127.0.0.1:{TestPorts.Take()}");
        await File.WriteAllTextAsync(ca, "no certificate", _stop.Token);
        await File.AppendAllTextAsync(file, $"\nenrolment: {{ organisation-ca: '{ca}' }}\n", _stop.Token);
        (int code, _, string error) = await Cli.RunAsync("hub", "--config", file);
        Assert.Equal(2, code);
        Assert.Contains("enrolment.organisation-ca: The organisation CA file", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hub")]
    [InlineData("node")]
    public async Task Bad_configuration_starts_nothing(string role)
    {
        string file = Path.Combine(_folder.FullName, "bad.yaml");
        await File.WriteAllTextAsync(file, "nam: x\n", TestContext.Current.CancellationToken);
        (int code, _, string error) = await Cli.RunAsync(role, "--config", file);
        Assert.Equal(2, code);
        Assert.Contains("bad.yaml:1:1: nam: unknown key (did you mean 'name'?)", error, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_servers);
        _stop.Dispose();
        _folder.Delete(recursive: true);
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private static string AdminOf(string hub) => Servers.ServerRole.Load(Path.Combine(hub, "hub.yaml"), "hub").Admin!;

    private async Task<string> StartHubAsync()
    {
        string hub = PathOf("hub");
        await Succeed("init", "hub", "--data", hub, "--name", "hub-a", "--listen", $"ws://127.0.0.1:{TestPorts.Take()}", "--mesh", $"tcp://127.0.0.1:{TestPorts.Take()}", "--admin", $"http://127.0.0.1:{TestPorts.Take()}");
        await StartAsync("hub", Path.Combine(hub, "hub.yaml"));
        return hub;
    }

    private async Task InitNodeAsync(string folder, string name, int hubPort, string hubMid, string hub, params string[] more)
    {
        // As in a shell: qanat hub token create ... | qanat init node ... --token-file -
        (int code, string token, string error) = await Cli.RunAsync("hub", "token", "create", "--data", hub);
        Assert.True(code == 0, error);
        (code, _, error) = await Cli.RunAsync(token, TestContext.Current.CancellationToken,
            ["init", "node", "--data", folder, "--name", name, "--hub", $"ws://127.0.0.1:{hubPort}", "--hub-mid", hubMid, "--token-file", "-",
                "--proxy", $"127.0.0.1:{TestPorts.Take()}", "--admin", $"http://127.0.0.1:{TestPorts.Take()}", .. more]);
        Assert.True(code == 0, error);
    }

    private async Task StartAsync(string role, string file)
    {
        Task<(int Code, string Output, string Error)> server = Task.Run(() => Cli.RunAsync(_stop.Token, role, "--config", file));
        _servers.Add(server);
        using AdminClient admin = new(Servers.ServerRole.Load(file, role).Admin!, null);
        while (!await admin.IsReadyAsync(_stop.Token))
        {
            Assert.False(server.IsCompleted, server.IsCompleted ? (await server).Error : "");
            await Task.Delay(20, _stop.Token);
        }
    }

    private static async Task<JsonElement> Succeed(params string[] arguments)
    {
        (int code, string output, string error) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.True(code == 0, error + output);
        return JsonDocument.Parse(output).RootElement;
    }

    private static async Task<JsonElement> Fail(params string[] arguments)
    {
        (int code, string output, _) = await Cli.RunAsync([.. arguments, "--json"]);
        Assert.Equal(1, code);
        return JsonDocument.Parse(output).RootElement;
    }

    /// <summary>Any HTTP server.</summary>
    private sealed class HttpStub : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Task _serving;

        public HttpStub(int port)
        {
            Port = port;
            _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            _listener.Start();
            _serving = Task.Run(ServeAsync);
        }

        public int Port { get; }

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _serving;
        }

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    (await _listener.GetContextAsync()).Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Closed.
            }
        }
    }
}
