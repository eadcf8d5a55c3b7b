using Qanat.Bench.Load;
using Qanat.Bench.Processes;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Peers;

/// <summary>
/// Syncthing's strelaysrv with mutual TLS 1.3 (SslStream) at both ends: the floor of any blind relay. It has no mux and no local hops:
/// the ends are the load generator and the backend themselves.
/// </summary>
public sealed class RelaySystem : PeerSystem
{
    public const string SystemName = "strelaysrv + SslStream";
    private WorkerProcess? _clientEnd;
    private RelayArguments? _client;

    public override string Name => SystemName;

    public override Task<BulkResult> BulkAsync(BulkArguments arguments) =>
        _clientEnd!.CallAsync<BulkResult>("relay-bulk", _client! with { Bytes = arguments.Bytes, Direction = arguments.Direction });

    protected override async Task OnStartAsync()
    {
        int port = Lab.Hub.FreePort();
        // No pool, no status page, no address mapping: the relay speaks to nobody but the two ends.
        ChildProcess relay = Run("hub", Lab.Hub, "strelaysrv", "-listen", Lab.Address(Lab.Hub, port), "-keys", Folder, "-pools=", "-status-srv=", "-nat=false");
        string a = BenchCertificate.Create(Folder, "relay-a"), b = BenchCertificate.Create(Folder, "relay-b");
        await Lab.Hub.WaitForPortAsync(port, relay).ConfigureAwait(false);
        WorkerProcess serverEnd = RunWorker("end at B", Lab.B);
        _clientEnd = RunWorker("end at A", Lab.A);
        await serverEnd.CallAsync<ServiceReply>("relay-listen", new RelayArguments(Lab.Address(Lab.Hub, port), b, Path.ChangeExtension(a, ".crt"))).ConfigureAwait(false);
        _client = new RelayArguments(Lab.Address(Lab.Hub, port), a, Path.ChangeExtension(b, ".crt"));
        await BulkAsync(new BulkArguments("", 1, 10_000_000, BulkDirection.Down)).ConfigureAwait(false);
    }
}
