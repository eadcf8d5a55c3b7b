using Qanat.Bench.Load;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Peers;

/// <summary>A system under test, ours or a peer: a way from site A to the backends at site B.</summary>
public abstract class PeerSystem : IAsyncDisposable
{
    private static int s_instances;
    private readonly List<IAsyncDisposable> _owned = [];
    private string? _folder;

    public abstract string Name { get; }

    /// <summary>Process ids of the system itself; their descendants count with them.</summary>
    public List<int> Processes { get; } = [];

    /// <summary>Those of <see cref="Processes"/> that stand in the middle.</summary>
    public List<int> HubProcesses { get; } = [];

    protected Lab Lab { get; private set; } = null!;

    public async Task StartAsync(Lab lab)
    {
        Lab = lab;
        await OnStartAsync().ConfigureAwait(false);
    }

    /// <summary>One bulk transfer through the system; null arguments where the system has no such thing.</summary>
    public virtual Task<BulkResult> BulkAsync(BulkArguments arguments) =>
        Lab.Client.CallAsync<BulkResult>("bulk", arguments with { Target = BulkEntry ?? throw new NotSupportedException($"{Name} carries no bulk streams") });

    /// <summary>Address at A that leads to the bulk backend at B.</summary>
    public virtual string? BulkEntry => null;

    /// <summary>How a new request is made at A, with target, form and authority filled in; null where the system serves none.</summary>
    public virtual HttpArguments? Http => null;

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable owned in Enumerable.Reverse(_owned))
        {
            await owned.DisposeAsync().ConfigureAwait(false);
        }
        _owned.Clear();
        GC.SuppressFinalize(this);
    }

    protected abstract Task OnStartAsync();

    protected string File(string name) => Path.Combine(Folder, name);

    /// <summary>A folder of this instance alone.</summary>
    protected string Folder => _folder ??= Directory.CreateDirectory(Path.Combine(Lab.Folder, $"{Interlocked.Increment(ref s_instances)}-{Name.Replace(' ', '-').Replace(",", "", StringComparison.Ordinal)}")).FullName;

    protected ChildProcess Run(string role, Site site, string program, params IEnumerable<string> arguments)
    {
        string path = ChildProcess.Find(program) ?? throw new InvalidOperationException($"{program} is not installed; run bench/peers.sh");
        return Own(ChildProcess.Start($"{Name} {role}", site.StartInfo(path, arguments)), hub: role.StartsWith("hub", StringComparison.Ordinal));
    }

    protected ChildProcess Own(ChildProcess process, bool hub)
    {
        _owned.Add(process);
        Processes.Add(process.Id);
        if (hub)
        {
            HubProcesses.Add(process.Id);
        }
        return process;
    }

    /// <summary>A worker that is an end of the system.</summary>
    protected Workers.WorkerProcess RunWorker(string role, Site site)
    {
        Workers.WorkerProcess worker = Workers.WorkerProcess.Start($"{Name} {role}", site);
        _owned.Add(worker);
        Processes.Add(worker.Id);
        return worker;
    }

    /// <summary>Waits until the whole path answers a request.</summary>
    protected async Task WaitForHttpAsync(double seconds = 20)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                HttpResult result = await Lab.Client.CallAsync<HttpResult>("http", Http! with { Clients = 1, Seconds = 0.5, Warmup = 0 }).ConfigureAwait(false);
                if (result.Failures == 0)
                {
                    return;
                }
            }
            catch (InvalidOperationException e) when (System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
            {
                GC.KeepAlive(e); // Not up yet.
            }
            await Task.Delay(50).ConfigureAwait(false);
        }
    }
}
