using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qanat.Hub;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;

namespace Qanat.Client.Tests;

/// <summary>A whole hub on free loopback ports.</summary>
internal sealed class TestHub : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-client-");
    private readonly HubOptions _options;
    private IHost _host = null!;

    private TestHub(Action<HubOptions, string>? change)
    {
        _options = new HubOptions
        {
            Name = "west",
            DataFolder = Path.Combine(_folder.FullName, "hub"),
            Listen = [$"ws://127.0.0.1:{FreePort()}"],
            Mesh = new MeshOptions { Listen = "" },
            Admin = new AdminOptions { Listen = $"http://127.0.0.1:{FreePort()}" },
            LogLevel = LogLevel.Warning,
            Limits = new HubLimitOptions { DrainSeconds = 0 },
        };
        change?.Invoke(_options, _folder.FullName);
    }

    internal string Url => _options.Listen[0];

    internal string Mid
    {
        get
        {
            using NodeIdentity identity = NodeIdentity.Load(Path.Combine(_options.DataFolder, "hub.key"));
            return identity.Mid.ToString();
        }
    }

    /// <param name="change">Changes the settings; the second argument is a folder for files of the test.</param>
    internal static async Task<TestHub> StartAsync(Action<HubOptions, string>? change = null)
    {
        TestHub hub = new(change);
        await hub.StartHostAsync();
        return hub;
    }

    internal string FolderFor(string participant) => Path.Combine(_folder.FullName, participant);

    /// <summary>Stops the hub and starts it again at the same address, with another key if one is given.</summary>
    internal async Task RestartAsync(NodeIdentity? key = null)
    {
        await _host.StopAsync();
        _host.Dispose();
        if (key is not null)
        {
            File.Delete(Path.Combine(_options.DataFolder, "hub.key"));
            key.Save(Path.Combine(_options.DataFolder, "hub.key"));
        }
        await StartHostAsync();
    }

    internal async Task<string> TokenAsync()
    {
        using HttpClient admin = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(_options.Admin.Listen!) };
        string secret = await File.ReadAllTextAsync(Path.Combine(_options.DataFolder, "admin.token"));
        admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret.Trim());
        using HttpResponseMessage response = await admin.PostAsJsonAsync("/api/v1/tokens", new { hours = 1 });
        response.EnsureSuccessStatusCode();
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["token"]!.GetValue<string>();
    }

    /// <summary>Options of a participant that enrols here.</summary>
    internal async Task<QanatOptions> OptionsAsync(string participant) => new()
    {
        Name = participant,
        Hubs = { new QanatHub { Url = Url, Mid = Mid } },
        StateFolder = FolderFor(participant),
        EnrolmentToken = await TokenAsync(),
        ConnectSeconds = 60,
    };

    /// <summary>
    /// Why a participant cannot start. It gives up after <see cref="QanatOptions.ConnectSeconds"/> and says what it was told until then: nothing, on a machine
    /// too busy for one handshake in that time. Then it is given more.
    /// </summary>
    internal static async Task<TunnelException> RefusedAsync(QanatOptions options)
    {
        int usual = options.ConnectSeconds;
        TunnelException refused;
        int seconds = 2;
        do
        {
            options.ConnectSeconds = seconds;
            refused = await Assert.ThrowsAsync<TunnelException>(() => QanatParticipant.StartAsync(options));
            seconds *= 4;
        }
        while (refused.Error == TunnelError.HandshakeTimeout && seconds <= 128);
        options.ConnectSeconds = usual;
        return refused;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task StartHostAsync()
    {
        _host = HubHost.Build(new Fixed(_options));
        await _host.StartAsync();
    }

    private static int FreePort() => TestPorts.Take();

    private sealed class Fixed(HubOptions options) : IOptionsMonitor<HubOptions>
    {
        public HubOptions CurrentValue => options;

        public HubOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<HubOptions, string?> listener) => null;
    }
}
