using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Qanat.Testing;

namespace Qanat.E2E.Harness;

/// <summary>Hubs and nodes as real processes, set up with the same commands a user types, in a temporary folder.</summary>
internal sealed class TestNetwork : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _owned = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("qanat-e2e-").FullName;

    public Dictionary<string, TestHub> Hubs { get; } = [];

    public Dictionary<string, TestNode> Nodes { get; } = [];

    /// <summary>Hubs that trust one another; every address may be replaced by a proxy's.</summary>
    public async Task AddHubsAsync(params string[] names)
    {
        foreach (string name in names)
        {
            await AddHubAsync(new TestHub(this, name));
        }
    }

    public async Task AddHubAsync(TestHub hub)
    {
        await hub.InitAsync();
        Hubs[hub.Name] = hub;
    }

    /// <summary>Writes the mesh of all hubs into their configurations and starts them. <paramref name="meshPort"/> may put a proxy between two hubs.</summary>
    public async Task StartHubsAsync(Func<TestHub, TestHub, int>? meshPort = null)
    {
        foreach (TestHub hub in Hubs.Values)
        {
            StringBuilder peers = new("peers:\n");
            foreach (TestHub other in Hubs.Values.Where(o => o != hub))
            {
                int port = meshPort?.Invoke(hub, other) ?? other.MeshPort;
                peers.Append($"    - name: {other.Name}\n      mid: {other.Mid}\n      address: tcp://127.0.0.1:{port}\n");
            }
            if (Hubs.Count > 1)
            {
                string yaml = await File.ReadAllTextAsync(hub.ConfigFile);
                Assert.Contains("peers: []", yaml, StringComparison.Ordinal);
                await File.WriteAllTextAsync(hub.ConfigFile, yaml.Replace("peers: []", peers.ToString().TrimEnd(), StringComparison.Ordinal));
            }
        }
        foreach (TestHub hub in Hubs.Values)
        {
            hub.Start();
        }
        foreach (TestHub hub in Hubs.Values)
        {
            await hub.WaitReadyAsync();
        }
    }

    public async Task<TestNode> AddNodeAsync(string name, IReadOnlyList<TestHub> hubs, string[]? services = null, (string Participant, string Service)[]? forwards = null, int? hubPort = null, string extraYaml = "")
    {
        TestNode node = new(this, name);
        await node.InitAsync(
            [.. hubs.Select((hub, i) => ($"ws://127.0.0.1:{(i == 0 ? hubPort ?? hub.Port : hub.Port)}", hub.Mid))],
            await hubs[0].CreateTokenAsync(), services ?? [], forwards ?? [], extraYaml);
        Nodes[name] = node;
        node.Start();
        await node.WaitReadyAsync();
        return node;
    }

    /// <summary>A node of a hub that is not one of <see cref="Hubs"/>.</summary>
    public async Task<TestNode> AddNodeAtAsync(
        string name, string hubUrl, string hubMid, string[] services, string? token = null, (string Participant, string Service)[]? forwards = null,
        NetworkNamespace? ns = null)
    {
        TestNode node = new(this, name) { Namespace = ns };
        await node.InitAsync([(hubUrl, hubMid)], token, services, forwards ?? [], "");
        Nodes[name] = node;
        node.Start();
        await node.WaitReadyAsync();
        return node;
    }

    public T Own<T>(T thing) where T : IAsyncDisposable
    {
        _owned.Add(thing);
        return thing;
    }

    /// <summary>Runs a command to its end and returns its JSON.</summary>
    public static Task<JsonElement> RunJsonAsync(params string[] arguments) => RunJsonAsync(null, arguments);

    /// <summary>As the other, inside a namespace.</summary>
    public static async Task<JsonElement> RunJsonAsync(NetworkNamespace? ns, string[] arguments)
    {
        ProcessStartInfo info = ns?.StartInfo(QanatProcess.Executable) ?? new(QanatProcess.Executable);
        info.RedirectStandardOutput = true;
        info.RedirectStandardError = true;
        foreach (string argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }
        info.ArgumentList.Add("--json");
        using Process process = Process.Start(info)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"qanat {string.Join(' ', arguments)} exited {process.ExitCode}: {output} {await error}");
        }
        return JsonDocument.Parse(output).RootElement;
    }

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort() => TestPorts.Take();

    /// <summary>The tail of every log, for the message of a failed test.</summary>
    public string Logs(int lines = 30)
    {
        StringBuilder text = new();
        foreach (string file in Directory.EnumerateFiles(Folder, "*.log"))
        {
            text.AppendLine($"--- {Path.GetFileName(file)}");
            using StreamReader reader = new(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            foreach (string line in reader.ReadToEnd().Split('\n').TakeLast(lines))
            {
                text.AppendLine(line);
            }
        }
        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (TestNode node in Nodes.Values)
        {
            await node.DisposeAsync();
        }
        foreach (TestHub hub in Hubs.Values)
        {
            await hub.DisposeAsync();
        }
        foreach (IAsyncDisposable thing in Enumerable.Reverse(_owned))
        {
            await thing.DisposeAsync();
        }
        if (Environment.GetEnvironmentVariable("QANAT_KEEP") is null)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}

/// <summary>One process of the network, which can be killed and started again with the same configuration.</summary>
internal abstract class TestServer : IAsyncDisposable
{
    private readonly string _verb;

    protected TestServer(TestNetwork network, string verb, string name)
    {
        (Network, _verb, Name) = (network, verb, name);
        _http = new Lazy<HttpClient>(CreateClient);
    }

    private readonly Lazy<HttpClient> _http;

    protected TestNetwork Network { get; }

    public string Name { get; }

    public string Folder => Path.Combine(Network.Folder, Name);

    public string ConfigFile => Path.Combine(Folder, _verb + ".yaml");

    public int AdminPort { get; } = TestNetwork.FreePort();

    public string Mid { get; protected set; } = "";

    public QanatProcess Process { get; private set; } = null!;

    /// <summary>The network namespace it runs in; null for the test's own.</summary>
    public NetworkNamespace? Namespace { get; set; }

    public void Start()
    {
        string[] prefix = Namespace is null ? [] : ["ip", "netns", "exec", Namespace.Name];
        string[] all = [.. prefix, QanatProcess.Executable, _verb, "--config", ConfigFile];
        Process = QanatProcess.StartProgram(Name, Network.Folder, all[0], all[1..]);
    }

    /// <summary>Starts it again after <see cref="QanatProcess.Kill"/>, with the same configuration and state.</summary>
    public async Task StartAgainAsync()
    {
        await Process.DisposeAsync();
        Start();
    }

    public async Task WaitReadyAsync(int seconds = 180)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using HttpResponseMessage answer = await _http.Value.GetAsync(new Uri($"http://127.0.0.1:{AdminPort}/readyz"));
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or SocketException or InvalidOperationException)
            {
                // Not listening yet.
            }
            if (Process.HasExited || Stopwatch.GetElapsedTime(start).TotalSeconds > seconds)
            {
                throw new TimeoutException($"{Name} is not ready (exited: {Process.HasExited}).\n{Network.Logs()}");
            }
            await Task.Delay(20);
        }
    }

    public async Task<JsonElement> StatusAsync()
    {
        using Stream body = await _http.Value.GetStreamAsync(new Uri($"http://127.0.0.1:{AdminPort}/api/v1/status"));
        return (await JsonDocument.ParseAsync(body)).RootElement;
    }

    public Task<string> MetricsAsync() => _http.Value.GetStringAsync(new Uri($"http://127.0.0.1:{AdminPort}/metrics"));

    /// <summary>A TCP connection to a loopback port of the server's own namespace.</summary>
    public Socket Connect(int port)
    {
        Socket Open()
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, port);
            return socket;
        }
        return Namespace is null ? Open() : Namespace.Run(Open);
    }

    private HttpClient CreateClient() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = (context, _) => ValueTask.FromResult<Stream>(new NetworkStream(Connect(context.DnsEndPoint.Port), ownsSocket: true)),
    })
    {
        Timeout = TimeSpan.FromSeconds(60),
    };

    public async ValueTask DisposeAsync()
    {
        if (_http.IsValueCreated)
        {
            _http.Value.Dispose();
        }
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }
    }
}

internal sealed class TestHub(TestNetwork network, string name) : TestServer(network, "hub", name)
{
    public int Port { get; } = TestNetwork.FreePort();

    public int MeshPort { get; } = TestNetwork.FreePort();

    /// <summary>Address that the node listener binds.</summary>
    public string ListenAddress { get; init; } = "127.0.0.1";

    public async Task InitAsync()
    {
        JsonElement made = await TestNetwork.RunJsonAsync(
            "init", "hub", "--data", Folder, "--name", Name, "--listen", $"ws://{ListenAddress}:{Port}",
            "--mesh", $"tcp://127.0.0.1:{MeshPort}", "--admin", $"http://127.0.0.1:{AdminPort}");
        Mid = made.GetProperty("mid").GetString()!;
    }

    public async Task<string> CreateTokenAsync()
    {
        JsonElement made = await TestNetwork.RunJsonAsync(Namespace, ["hub", "token", "create", "--config", ConfigFile]);
        return made.GetProperty("token").GetString()!;
    }

    /// <summary>Waits until the node listener accepts: the moment the hub is "back".</summary>
    public async Task WaitListeningAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using TcpClient client = new();
                await client.ConnectAsync(IPAddress.Loopback, Port);
                return;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(start).TotalSeconds < 120)
            {
                await Task.Delay(2);
            }
        }
    }
}

internal sealed class TestNode(TestNetwork network, string name) : TestServer(network, "node", name)
{
    public int ProxyPort { get; } = TestNetwork.FreePort();

    /// <summary>Local port of each static forward, in the order asked for.</summary>
    public List<int> ForwardPorts { get; } = [];

    public async Task InitAsync(IReadOnlyList<(string Url, string Mid)> hubs, string? token, string[] services, (string Participant, string Service)[] forwards, string extraYaml)
    {
        List<string> arguments =
        [
            "init", "node", "--data", Folder, "--name", Name,
            "--proxy", $"127.0.0.1:{ProxyPort}", "--admin", $"http://127.0.0.1:{AdminPort}",
        ];
        if (token is not null)
        {
            string file = Folder + ".token";
            await File.WriteAllTextAsync(file, token);
            arguments.AddRange(["--token-file", file]);
        }
        foreach ((string url, string mid) in hubs)
        {
            arguments.AddRange(["--hub", url, "--hub-mid", mid]);
        }
        foreach (string service in services)
        {
            arguments.AddRange(["--service", service]);
        }
        JsonElement made = await TestNetwork.RunJsonAsync([.. arguments]);
        Mid = made.GetProperty("mid").GetString()!;
        StringBuilder yaml = new(extraYaml);
        if (forwards.Length > 0)
        {
            yaml.Append("\nforwards:\n");
            foreach ((string participant, string service) in forwards)
            {
                int port = TestNetwork.FreePort();
                ForwardPorts.Add(port);
                yaml.Append($"  - listen: \"127.0.0.1:{port}\"\n    to: qanat://{participant}/{service}\n");
            }
        }
        // Patience for a busy machine: what is slow here is not at fault.
        string written = await File.ReadAllTextAsync(ConfigFile);
        Assert.Contains("\nproxy:\n", written, StringComparison.Ordinal);
        await File.WriteAllTextAsync(ConfigFile, written.Replace("\nproxy:\n", "\nproxy:\n  connect-seconds: 60\n", StringComparison.Ordinal) + yaml);
    }
}
