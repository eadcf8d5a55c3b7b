using System.Text.Json.Nodes;
using Qanat.Cli.Demo.Capture;
using Qanat.Cli.Starting;
using Qanat.Wire;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>
/// Two hubs and three hospitals on loopback: hospital-a and hospital-c on hub A, hospital-b on hub B. Every link of hub A runs through a wire tap,
/// and so does the way from hospital A's platform to its own node.
/// </summary>
internal sealed class TunnelNetwork
{
    private readonly List<JsonRun> _runs = [];
    private readonly Task<JsonNode> _truth;

    private TunnelNetwork(Task<JsonNode> truth) => _truth = truth;

    public required DemoServer HubA { get; init; }
    public required DemoServer HubB { get; init; }
    public required DemoServer NodeA { get; init; }
    public required DemoServer NodeB { get; init; }
    public required DemoServer NodeC { get; init; }

    /// <summary>Tap between nodes and hub A.</summary>
    public required RecordingProxy HubALinks { get; init; }

    /// <summary>Taps between the hubs, one for each that may dial.</summary>
    public required IReadOnlyList<RecordingProxy> HubAMesh { get; init; }

    /// <summary>Tap between hospital A's platform and its node.</summary>
    public required RecordingProxy PlatformA { get; init; }

    public required PsiPlatform Psi { get; init; }

    /// <summary>What hospital A's platform is told as <c>http_proxy</c>: its node, by way of the tap.</summary>
    public string ProxyA => $"http://127.0.0.1:{PlatformA.Port}";

    /// <summary>What hospital C's platform is told as <c>http_proxy</c>.</summary>
    public required string ProxyC { get; init; }

    /// <summary>Runs of the set intersection so far.</summary>
    public IReadOnlyList<JsonRun> Runs => _runs;

    /// <summary>Starts everything; returns when all nodes are linked to their hubs.</summary>
    public static async Task<TunnelNetwork> StartAsync(DemoStage stage, CancellationToken cancellationToken)
    {
        PsiPlatform psi = new(stage);
        Task<string> serverOfA = psi.ServeAsync("platform-a", PsiPlatform.DataFile('a'), cancellationToken);
        Task<string> serverOfB = psi.ServeAsync("platform-b", PsiPlatform.DataFile('b'), cancellationToken);

        int listenA = stage.Ports.Next(), meshA = stage.Ports.Next(), meshB = stage.Ports.Next();
        RecordingProxy links = stage.Own(new RecordingProxy(stage.Ports.Next(), listenA));
        RecordingProxy toMeshA = stage.Own(new RecordingProxy(stage.Ports.Next(), meshA));
        RecordingProxy toMeshB = stage.Own(new RecordingProxy(stage.Ports.Next(), meshB));

        // The keys come first: each hub's file names the other's mid.
        string folderA = Path.Combine(stage.Folder, "hub-a"), folderB = Path.Combine(stage.Folder, "hub-b");
        Mid midA = HubStarter.MakeIdentity(folderA), midB = HubStarter.MakeIdentity(folderB);
        int listenB = stage.Ports.Next();
        DemoServer hubA = StartHub(stage, folderA, "hub-a", listenA, links.Port, meshA, toMeshA.Port, new PeerArgument("hub-b", midB, $"tcp://127.0.0.1:{toMeshB.Port}"));
        DemoServer hubB = StartHub(stage, folderB, "hub-b", listenB, listenB, meshB, toMeshB.Port, new PeerArgument("hub-a", midA, $"tcp://127.0.0.1:{toMeshA.Port}"));
        await Task.WhenAll(hubA.ReadyAsync(cancellationToken), hubB.ReadyAsync(cancellationToken));

        int proxyA = stage.Ports.Next(), proxyB = stage.Ports.Next(), proxyC = stage.Ports.Next();
        DemoServer[] nodes = await Task.WhenAll(
            StartNodeAsync(stage, "hospital-a", hubA, links.Port, midA, proxyA, [("psi", await serverOfA, ["hospital-b.hub-b", "hospital-c"])], cancellationToken),
            StartNodeAsync(stage, "hospital-b", hubB, listenB, midB, proxyB, [("psi", await serverOfB, ["hospital-a.hub-a"])], cancellationToken),
            StartNodeAsync(stage, "hospital-c", hubA, links.Port, midA, proxyC, [], cancellationToken));
        Task<JsonNode> truth = psi.TruthAsync(PsiPlatform.DataFile('a'), PsiPlatform.DataFile('b'), cancellationToken);
        return new TunnelNetwork(truth)
        {
            HubA = hubA,
            HubB = hubB,
            NodeA = nodes[0],
            NodeB = nodes[1],
            NodeC = nodes[2],
            HubALinks = links,
            HubAMesh = [toMeshA, toMeshB],
            PlatformA = stage.Own(new RecordingProxy(stage.Ports.Next(), proxyA)),
            ProxyC = $"http://127.0.0.1:{proxyC}",
            Psi = psi,
        };
    }

    /// <summary>Hospital A asks hospital B: node A, hub A, hub B, node B.</summary>
    public Task<JsonRun> AskTwoHubAsync(string name, string[] arguments, Action<double>? onProgress, CancellationToken cancellationToken) =>
        RunAsync(name, 'a', 'b', "http://psi.hospital-b.qanat/", ProxyA, arguments, onProgress, cancellationToken);

    /// <summary>Hospital C, with its own copy of the second table, asks hospital A: node C, hub A, node A.</summary>
    public Task<JsonRun> AskOneHubAsync(string name, string[] arguments, CancellationToken cancellationToken) =>
        RunAsync(name, 'b', 'a', "http://psi.hospital-a.qanat/", ProxyC, arguments, null, cancellationToken);

    private async Task<JsonRun> RunAsync(
        string name, char asker, char server, string url, string proxy, string[] arguments, Action<double>? onProgress, CancellationToken cancellationToken)
    {
        JsonNode found = await Psi.AskAsync(name, PsiPlatform.DataFile(asker), url, proxy, arguments, onProgress, cancellationToken);
        JsonNode truth = await _truth;
        JsonRun run = new(found, (int)truth["size"]!, (long)truth[server == 'b' ? "sumB" : "sumA"]!);
        _runs.Add(run);
        return run;
    }

    private static DemoServer StartHub(DemoStage stage, string folder, string name, int listen, int advertised, int mesh, int meshAdvertised, PeerArgument peer)
    {
        int admin = stage.Ports.Next();
        HubStarter starter = new(folder, name)
        {
            Listen = [$"ws://127.0.0.1:{listen}"],
            Advertise = [$"ws://127.0.0.1:{advertised}"],
            Mesh = $"tcp://127.0.0.1:{mesh}",
            MeshAdvertise = $"tcp://127.0.0.1:{meshAdvertised}",
            Admin = $"http://127.0.0.1:{admin}",
            Peers = [peer],
        };
        Mid mid = starter.Write();
        return stage.Own(new DemoServer(stage.StartQanat(name, "hub", "--config", starter.ConfigFile), starter.Admin, Path.Combine(folder, "admin.token"), mid));
    }

    private static async Task<DemoServer> StartNodeAsync(
        DemoStage stage, string name, DemoServer hub, int hubPort, Mid hubMid, int proxy,
        IReadOnlyList<(string, string, IReadOnlyList<string>)> services, CancellationToken cancellationToken)
    {
        string folder = Path.Combine(stage.Folder, name);
        NodeStarter starter = new(folder, name)
        {
            Hubs = [($"ws://127.0.0.1:{hubPort}", hubMid)],
            Token = await hub.CreateTokenAsync(cancellationToken),
            Proxy = $"127.0.0.1:{proxy}",
            Admin = $"http://127.0.0.1:{stage.Ports.Next()}",
            Services = services,
        };
        Mid mid = starter.Write();
        DemoServer node = stage.Own(new DemoServer(stage.StartQanat(name, "node", "--config", starter.ConfigFile), starter.Admin, Path.Combine(folder, "admin.token"), mid));
        await node.ReadyAsync(cancellationToken);
        return node;
    }
}
