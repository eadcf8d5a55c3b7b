using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qanat.Hub.Hosting;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;

namespace Qanat.Hub.Tests.Hosting;

/// <summary>Settings that a test changes live.</summary>
internal sealed class LiveOptions(HubOptions options) : IOptionsMonitor<HubOptions>
{
    private event Action<HubOptions, string?>? Changed;

    public HubOptions CurrentValue { get; private set; } = options;

    public HubOptions Get(string? name) => CurrentValue;

    public IDisposable? OnChange(Action<HubOptions, string?> listener)
    {
        Changed += listener;
        return null;
    }

    public void Set(HubOptions options)
    {
        CurrentValue = options;
        Changed?.Invoke(options, null);
    }
}

/// <summary>A whole hub over real sockets on loopback.</summary>
internal sealed class RunningHub : IAsyncDisposable
{
    private IHost _host = null!;

    public RunningHub(string name, Action<HubOptions>? change = null)
    {
        Name = name;
        Folder = Directory.CreateTempSubdirectory("qanat-hubhost-").FullName;
        AdminPort = FreePort();
        HubOptions options = new()
        {
            Name = name,
            DataFolder = Path.Combine(Folder, "data"),
            Listen = [$"ws://127.0.0.1:{FreePort()}"],
            Mesh = new MeshOptions { Listen = $"tcp://127.0.0.1:{FreePort()}" },
            Admin = new AdminOptions { Listen = $"http://127.0.0.1:{AdminPort}" },
            LogLevel = LogLevel.Warning,
            Limits = new HubLimitOptions { DrainSeconds = 1 },
        };
        change?.Invoke(options);
        Assert.Equal([], new HubOptionsValidator().Validate(null, options).Failures ?? []);
        Options = new LiveOptions(options);
    }

    public string Name { get; }

    public string Folder { get; }

    public int AdminPort { get; }

    public LiveOptions Options { get; }

    public HubServer Server => _host.Services.GetRequiredService<HubServer>();

    public HttpClient Admin { get; private set; } = null!;

    public static async Task<RunningHub> StartAsync(string name, Action<HubOptions>? change = null)
    {
        RunningHub hub = new(name, change);
        await hub.StartAsync();
        return hub;
    }

    public async Task StartAsync()
    {
        _host = HubHost.Build(Options);
        await _host.StartAsync();
        Admin = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{AdminPort}") };
        string token = await File.ReadAllTextAsync(Path.Combine(Options.CurrentValue.DataFolder, "admin.token"));
        Admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Trim());
    }

    public async Task StopAsync()
    {
        Admin.Dispose();
        await _host.StopAsync();
        _host.Dispose();
        _host = null!;
    }

    public async Task<string> TokenAsync(string? name = null)
    {
        using HttpResponseMessage response = await Admin.PostAsJsonAsync("/api/v1/tokens", new { name, hours = 1 });
        Assert.Equal(System.Net.HttpStatusCode.Created, response.StatusCode);
        return (string)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["token"]!;
    }

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Admin.GetStringAsync(path))!;

    /// <summary>Dials as a node, with patience for a busy machine.</summary>
    public async Task<DialedLink> DialAsync(NodeIdentity identity, string? token = null, string? name = null, byte[]? ticket = null)
    {
        using EnrolmentToken? parsed = token is null ? null : EnrolmentToken.Parse(token);
        LinkOptions patient = new() { ConnectTimeout = TimeSpan.FromSeconds(60), HandshakeTimeout = TimeSpan.FromSeconds(60) };
        return await new LinkDialer(identity, patient).DialAsync(
            new LinkTarget { Address = new Uri(Server.NodeAddresses[0]), ExpectedMid = Server.Core.Mid },
            new LinkIntroduction { Role = LinkRole.Node, Token = parsed, RequestedName = name, Ticket = ticket }, default);
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await StopAsync();
        }
        Directory.Delete(Folder, recursive: true);
    }

    public static int FreePort() => TestPorts.Take();
}
