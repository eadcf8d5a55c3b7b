using System.Net;
using Qanat.Bench.DelayWire;
using Qanat.Bench.Load;
using Qanat.Bench.Processes;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Peers;

/// <summary>Where the systems under test run: three sites, one load generator at A, one backend at B, and a folder for configuration. The same for every system.</summary>
public sealed class Lab : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    private readonly List<PeerSystem> _systems = [];
    private readonly DelayNetwork? _network;

    private Lab(Site a, Site hub, Site b, DelayNetwork? network)
    {
        (A, Hub, B, _network) = (a, hub, b, network);
        Folder = Directory.CreateTempSubdirectory("qanat-bench-").FullName;
        Client = WorkerProcess.Start("load generator", a, inline: true);
        Backend = WorkerProcess.Start("backend", b, inline: true);
    }

    public Site A { get; }

    public Site Hub { get; }

    public Site B { get; }

    public string Folder { get; }

    public WorkerProcess Client { get; }

    public WorkerProcess Backend { get; }

    public int BulkPort { get; private set; }

    public int HttpPort { get; private set; }

    /// <summary>Systems that started, in order.</summary>
    public IReadOnlyList<PeerSystem> Systems => _systems;

    /// <summary>Why systems did not start, by name.</summary>
    public Dictionary<string, string> Missing { get; } = [];

    public static Task<Lab> LoopbackAsync() => PrepareAsync(new Lab(Site.Loopback("A"), Site.Loopback("hub"), Site.Loopback("B"), null));

    public static async Task<Lab> DelayedAsync(TimeSpan roundTrip)
    {
        DelayNetwork network = await DelayNetwork.StartAsync(roundTrip).ConfigureAwait(false);
        return await PrepareAsync(new Lab(network.A, network.Hub, network.B, network)).ConfigureAwait(false);
    }

    public Task SetRoundTripAsync(TimeSpan roundTrip) => _network?.SetRoundTripAsync(roundTrip) ?? Task.CompletedTask;

    /// <summary>Starts systems side by side.</summary>
    public Task AddAllAsync(IEnumerable<PeerSystem> systems) => Task.WhenAll(systems.Select(TryAddAsync));

    /// <summary>Starts a system; one that cannot start is remembered in <see cref="Missing"/> with the reason.</summary>
    public async Task<bool> TryAddAsync(PeerSystem system)
    {
        try
        {
            await system.StartAsync(this).WaitAsync(s_startLimit).ConfigureAwait(false);
            lock (_systems)
            {
                _systems.Add(system);
            }
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException or System.ComponentModel.Win32Exception or TimeoutException)
        {
            lock (_systems)
            {
                Missing[system.Name] = e.Message.ReplaceLineEndings(" ");
            }
            Console.Error.WriteLine($"  {system.Name}: {e.Message}");
            await system.DisposeAsync().ConfigureAwait(false);
            return false;
        }
    }

    /// <summary>The system of that name, or null.</summary>
    public PeerSystem? Find(string name) => _systems.FirstOrDefault(system => system.Name == name);

    /// <summary>Runs something and says what it cost the system, its hub, and the load generator with the backend.</summary>
    public async Task<Measured<T>> MeasureAsync<T>(PeerSystem system, Func<Task<T>> run)
    {
        int[] load = [Client.Id, Backend.Id];
        ProcessUsage systemBefore = ProcessTree.Measure(system.Processes), hubBefore = ProcessTree.Measure(system.HubProcesses), loadBefore = ProcessTree.Measure(load);
        T result = await run().ConfigureAwait(false);
        ProcessUsage systemAfter = ProcessTree.Measure(system.Processes);
        return new Measured<T>(result,
            systemAfter.CpuSeconds - systemBefore.CpuSeconds,
            ProcessTree.Measure(system.HubProcesses).CpuSeconds - hubBefore.CpuSeconds,
            ProcessTree.Measure(load).CpuSeconds - loadBefore.CpuSeconds,
            systemAfter.ResidentBytes);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PeerSystem system in Enumerable.Reverse(_systems))
        {
            await system.DisposeAsync().ConfigureAwait(false);
        }
        await Client.DisposeAsync().ConfigureAwait(false);
        await Backend.DisposeAsync().ConfigureAwait(false);
        if (_network is not null)
        {
            await _network.DisposeAsync().ConfigureAwait(false);
        }
        Directory.Delete(Folder, recursive: true);
    }

    public string Address(Site site, int port) => new IPEndPoint(site.Address, port).ToString();

    private static async Task<Lab> PrepareAsync(Lab lab)
    {
        lab.BulkPort = (await lab.Backend.CallAsync<ServiceReply>("listen-bulk", new { }).ConfigureAwait(false)).Port;
        lab.HttpPort = (await lab.Backend.CallAsync<ServiceReply>("listen-http", new { }).ConfigureAwait(false)).Port;
        // The generators' own code gets warm before anything is measured.
        await lab.Client.CallAsync<HttpResult>("http", new HttpArguments(lab.Address(lab.B, lab.HttpPort), HttpMode.Origin, "warm", 16, 0.4)).ConfigureAwait(false);
        await lab.Client.CallAsync<BulkResult>("bulk", new BulkArguments(lab.Address(lab.B, lab.BulkPort), 2, 50_000_000, BulkDirection.Down)).ConfigureAwait(false);
        return lab;
    }
}

/// <summary>A result and its cost.</summary>
public sealed record Measured<T>(T Result, double SystemCpu, double HubCpu, double LoadCpu, long ResidentBytes)
{
    /// <summary>CPU seconds of everything: the system, the load generator and the backend.</summary>
    public double TotalCpu => SystemCpu + LoadCpu;
}
