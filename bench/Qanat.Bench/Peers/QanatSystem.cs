using Qanat.Bench.Load;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Peers;

/// <summary>
/// Ours: node A, one hub or two, node B, each a process of the built program with the configuration that <c>qanat init</c> writes.
/// HTTP goes in absolute form to node A's proxy; bulk streams go through a static TCP forward of node A.
/// </summary>
/// <param name="hubs">1 or 2.</param>
/// <param name="linkOfA">When set, node A reaches its hub at this port on loopback (a cutter in front of it) instead.</param>
public class QanatSystem(int hubs, Func<QanatHub, Task<int>>? linkOfA = null) : PeerSystem
{
    private int _proxyPort;
    private int _forwardPort;
    private readonly Dictionary<string, ChildProcess> _hubProcesses = [];

    public override string Name => hubs == 1 ? Metrics.TunnelContext.OneHub : Metrics.TunnelContext.TwoHubs;

    public override string BulkEntry => $"127.0.0.1:{_forwardPort}";

    public override HttpArguments Http => new($"127.0.0.1:{_proxyPort}", HttpMode.Absolute, $"web.org-b.{HubOfB.Name}.qanat", 1, 1);

    public QanatHub HubOfA { get; private set; } = null!;

    public QanatHub HubOfB { get; private set; } = null!;

    /// <summary>SIGKILL to a hub, and a new process in its place.</summary>
    public async Task KillAndRestartAsync(QanatHub hub)
    {
        ChildProcess old = _hubProcesses[hub.Name];
        old.Kill();
        await old.WaitForExitAsync().ConfigureAwait(false);
        await StartHubAsync(hub).ConfigureAwait(false);
    }

    protected override async Task OnStartAsync()
    {
        _ = QanatProgram.Path;
        HubOfA = await MakeHubAsync("hub-a").ConfigureAwait(false);
        HubOfB = hubs == 1 ? HubOfA : await MakeHubAsync("hub-b").ConfigureAwait(false);
        await HubOfA.InitAsync(hubs == 1 ? null : HubOfB).ConfigureAwait(false);
        await StartHubAsync(HubOfA).ConfigureAwait(false);
        if (hubs == 2)
        {
            await HubOfB.InitAsync(HubOfA).ConfigureAwait(false);
            await StartHubAsync(HubOfB).ConfigureAwait(false);
        }
        _proxyPort = Lab.A.FreePort();
        _forwardPort = Lab.A.FreePort();
        string allowed = $"org-a.{HubOfA.Name}";
        await StartNodeAsync("org-b", Lab.B, HubOfB, HubOfB.Port, Lab.B.FreePort(),
            ["--service", $"web=http://127.0.0.1:{Lab.HttpPort},{allowed}", "--service", $"bulk=tcp://127.0.0.1:{Lab.BulkPort},{allowed}"], "").ConfigureAwait(false);
        int port = linkOfA is null ? HubOfA.Port : await linkOfA(HubOfA).ConfigureAwait(false);
        await StartNodeAsync("org-a", Lab.A, HubOfA, port, _proxyPort, [], $"""

            forwards:
              - listen: "127.0.0.1:{_forwardPort}"
                to: qanat://org-b.{HubOfB.Name}/bulk
                max-connections: 8192

            """).ConfigureAwait(false);
        await WaitForHttpAsync().ConfigureAwait(false);
        await BulkAsync(new BulkArguments("", 1, 1_000_000, BulkDirection.Down)).ConfigureAwait(false);
    }

    private Task<QanatHub> MakeHubAsync(string name)
    {
        string folder = File(name);
        return Task.FromResult(new QanatHub(Lab.Hub, folder, name, Lab.Hub.FreePort(), Lab.Hub.FreePort(), Lab.Hub.FreePort(), QanatProgram.MakeHubKey(folder)));
    }

    private async Task StartHubAsync(QanatHub hub)
    {
        ChildProcess process = Own(ChildProcess.Start($"{Name} {hub.Name}", hub.StartInfo()), hub: true);
        _hubProcesses[hub.Name] = process;
        await hub.Site.WaitForPortAsync(hub.Port, process).ConfigureAwait(false);
        await hub.Site.WaitForPortAsync(hub.AdminPort, process).ConfigureAwait(false);
    }

    private async Task StartNodeAsync(string name, Site site, QanatHub hub, int hubPort, int proxyPort, string[] services, string more)
    {
        string folder = File(name);
        string[] token = await hub.CreateTokensAsync(1).ConfigureAwait(false);
        int adminPort = site.FreePort();
        await QanatProgram.RunAsync(
        [
            "init", "node", "--data", folder, "--name", name, "--hub", $"ws://{hub.Site.Address}:{hubPort}", "--hub-mid", hub.Mid.ToString(), "--token", token[0],
            "--proxy", $"127.0.0.1:{proxyPort}", "--admin", $"http://127.0.0.1:{adminPort}", .. services,
        ]).ConfigureAwait(false);
        string config = Path.Combine(folder, "node.yaml");
        await System.IO.File.AppendAllTextAsync(config, more).ConfigureAwait(false);
        ChildProcess process = Own(ChildProcess.Start($"{Name} {name}", site.StartInfo(QanatProgram.Path, "node", "--config", config)), hub: false);
        await site.WaitForPortAsync(proxyPort, process).ConfigureAwait(false);
    }
}
