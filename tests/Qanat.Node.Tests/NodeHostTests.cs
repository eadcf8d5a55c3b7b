using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Qanat.Node.Hosting;
using Qanat.Node.Options;
using Qanat.Tunnel;

namespace Qanat.Node.Tests;

public sealed class NodeHostTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("qanat-node-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private NodeOptions Options() => new()
    {
        Identity = Path.Combine(_folder, "id"),
        Name = "alice",
        Hubs = [new HubOptions { Url = "ws://127.0.0.1:1/" }],
        Proxy = { Listen = "127.0.0.1:0", ConnectSeconds = 1 },
        Admin = { Listen = "http://127.0.0.1:0" },
        Services = { ["psi"] = new ServiceOptions { Target = "http://127.0.0.1:9", Allow = ["*"] } },
    };

    [Fact]
    public async Task Node_without_a_hub_serves_its_admin_listener_and_says_why_requests_fail()
    {
        await using var node = new NodeHost(Options());
        await node.StartAsync();
        using var http = new HttpClient { BaseAddress = node.AdminAddress };
        Assert.Equal("ok\n", await http.GetStringAsync("/healthz"));
        Assert.Contains("\"code\":\"not-found\"", await (await http.GetAsync("/api")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("/readyz")).StatusCode);
        using JsonDocument status = JsonDocument.Parse(await http.GetStringAsync("/api/v1/status"));
        Assert.Equal(node.Mid.ToString(), status.RootElement.GetProperty("mid").GetString());
        Assert.Equal("psi", status.RootElement.GetProperty("services")[0].GetProperty("name").GetString());

        using var proxied = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy($"http://{node.ProxyEndPoint}") });
        HttpResponseMessage response = await proxied.GetAsync("http://psi.bob.qanat/");
        string code = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString()!;
        Assert.Contains(code, new[] { "hub-unreachable", "handshake-timeout" });
        Assert.Contains("qanat_node_requests", await http.GetStringAsync("/metrics"));
    }

    [Fact]
    public async Task Admin_listener_refuses_other_host_names_and_changes_without_the_token()
    {
        int reloads = 0;
        int measured = 0;
        await using var node = new NodeHost(Options());
        node.ReloadConfiguration = _ => { reloads++; return Task.CompletedTask; };
        node.Diagnose = (_, _) => { measured++; return Task.FromResult(Microsoft.AspNetCore.Http.Results.Ok()); };
        await node.StartAsync();
        using var http = new HttpClient { BaseAddress = node.AdminAddress };

        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/api/v1/status") { Headers = { Host = "evil.example" } };
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await http.SendAsync(rebound)).StatusCode);

        foreach ((string site, HttpStatusCode expected) in new[] { ("cross-site", HttpStatusCode.Forbidden), ("same-site", HttpStatusCode.Forbidden), ("none", HttpStatusCode.OK) })
        {
            using var fetched = new HttpRequestMessage(HttpMethod.Get, "/api/v1/diagnose?participant=bob") { Headers = { { "Sec-Fetch-Site", site } } };
            Assert.Equal(expected, (await http.SendAsync(fetched)).StatusCode);
        }
        Assert.Equal(1, measured);

        Assert.Equal(HttpStatusCode.Unauthorized, (await http.PostAsync("/api/v1/reload", null)).StatusCode);
        using var wrong = new HttpRequestMessage(HttpMethod.Post, "/api/v1/reload") { Headers = { { "Authorization", "Bearer nonsense" } } };
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.SendAsync(wrong)).StatusCode);
        Assert.Equal(0, reloads);

        string file = Path.Combine(_folder, "id", "admin.token");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
        using var right = new HttpRequestMessage(HttpMethod.Post, "/api/v1/reload") { Headers = { { "Authorization", $"Bearer {File.ReadAllText(file).Trim()}" } } };
        Assert.Equal(HttpStatusCode.NoContent, (await http.SendAsync(right)).StatusCode);
        Assert.Equal(1, reloads);
    }

    [Fact]
    public async Task Reload_changes_forwards_and_services_and_keeps_what_did_not_change()
    {
        // A port that nobody else takes when it is closed.
        string listen = $"127.0.0.1:{TestPorts.Take()}";
        NodeOptions options = Options();
        options.Forwards.Add(new ForwardOptions { Listen = listen, To = "qanat://bob/db" });
        await using var node = new NodeHost(options);
        await node.StartAsync();
        IPEndPoint first = node.ForwardEndPoints[listen];

        NodeOptions changed = Options();
        changed.Forwards.Add(new ForwardOptions { Listen = listen, To = "qanat://carol/db" });
        changed.Services["other"] = new ServiceOptions { Target = "tcp://127.0.0.1:9" };
        node.Reload(changed);
        Assert.Equal(first, node.ForwardEndPoints[listen]);
        Assert.Equal(["other", "psi"], node.GetStatus().Services.Select(s => s.Name));

        node.Reload(Options());
        Assert.Empty(node.ForwardEndPoints);
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(first));

        NodeOptions wrong = Options();
        wrong.Services["Bad Name"] = new ServiceOptions { Target = "ftp://x" };
        Assert.Throws<ArgumentException>(() => node.Reload(wrong));
        Assert.Equal(["psi"], node.GetStatus().Services.Select(s => s.Name));
    }

    [Fact]
    public async Task Reload_with_a_certificate_file_that_cannot_be_used_changes_nothing()
    {
        await using var node = new NodeHost(Options());
        await node.StartAsync();
        string noCertificate = Path.Combine(_folder, "ca.pem");
        await File.WriteAllTextAsync(noCertificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        foreach (string file in new[] { noCertificate, _folder, Path.Combine(_folder, "missing.pem") })
        {
            NodeOptions wrong = Options();
            wrong.OrganisationCa = wrong.Certificate = file;
            wrong.Services["psi"].TargetCa = file;
            wrong.Services["other"] = new ServiceOptions { Target = "tcp://127.0.0.1:9" };
            string message = Assert.Throws<ArgumentException>(() => node.Reload(wrong)).Message;
            Assert.All(["organisation-ca: ", "certificate: ", "services.psi.target-ca: "], key => Assert.Contains(key, message, StringComparison.Ordinal));
            Assert.Contains($"'{file}'", message, StringComparison.Ordinal);
            Assert.Equal(["psi"], node.GetStatus().Services.Select(s => s.Name));
        }
    }

    [Theory]
    [InlineData("peer-pins.json", "{ \"bank-b\": \"aaise-")]
    [InlineData("peer-pins.json", "{ \"bank-b\": \"no mid\" }")]
    [InlineData("peer-pins.json", "")]
    [InlineData("hubs.pinned", "ws://127.0.0.1:1/ aaise-\n")]
    public async Task A_damaged_file_of_pins_is_named_and_not_taken_for_an_empty_one(string file, string content)
    {
        await using (new NodeHost(Options()))
        {
            // Makes the folder.
        }
        string path = Path.Combine(_folder, "id", file);
        await File.WriteAllTextAsync(path, content);
        TunnelException e = Assert.Throws<TunnelException>(() => new NodeHost(Options()));
        Assert.Equal(TunnelError.InvalidIdentity, e.Error);
        Assert.Contains($"'{path}' is damaged", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_names_the_keys_that_need_a_restart_and_no_others()
    {
        List<string> lines = [];
        using ILoggerFactory loggers = LoggerFactory.Create(builder => builder.AddProvider(new Lines(lines)));
        await using var node = new NodeHost(Options(), loggers);
        NodeOptions changed = Options();
        changed.Proxy.ConnectSeconds = 7;
        changed.Peers.MaxConnections = 7;
        changed.Hubs.Add(new HubOptions { Url = "ws://127.0.0.1:2/" });
        node.Reload(changed);
        Assert.DoesNotContain(lines, line => line.Contains("after a restart", StringComparison.Ordinal));
        changed = Options();
        changed.Proxy.MaxConnections = 7;
        node.Reload(changed);
        Assert.Contains(lines, line => line.Contains("key proxy changed; it takes effect after a restart", StringComparison.Ordinal));
    }

    private sealed class Lines(List<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }

    [Fact]
    public async Task Identity_stays_the_same_over_restarts()
    {
        await using var first = new NodeHost(Options());
        await using var second = new NodeHost(Options());
        Assert.Equal(first.Mid, second.Mid);
    }
}
