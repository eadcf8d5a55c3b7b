using Qanat.Bench.Load;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Peers;

/// <summary>Nerdbank.Streams v3 over one mutual-TLS SslStream, no relay: what a .NET mux can do on this machine.</summary>
public sealed class NerdbankSystem : PeerSystem
{
    private WorkerProcess? _clientEnd;
    private int _handle;

    public override string Name => "Nerdbank.Streams v3";

    public override Task<BulkResult> BulkAsync(BulkArguments arguments) =>
        _clientEnd!.CallAsync<BulkResult>("nerdbank-bulk", new NerdbankCall(_handle, Bytes: arguments.Bytes));

    /// <summary>Channel opens with a small request and a 1 KiB answer.</summary>
    public Task<HttpResult> OpensAsync(int clients, double seconds) =>
        _clientEnd!.CallAsync<HttpResult>("nerdbank-opens", new NerdbankCall(_handle, Clients: clients, Seconds: seconds));

    protected override async Task OnStartAsync()
    {
        string a = BenchCertificate.Create(Folder, "mux-a"), b = BenchCertificate.Create(Folder, "mux-b");
        WorkerProcess serverEnd = RunWorker("end at B", Lab.B);
        _clientEnd = RunWorker("end at A", Lab.A);
        ServiceReply server = await serverEnd.CallAsync<ServiceReply>("nerdbank-listen", new NerdbankArguments(b, Path.ChangeExtension(a, ".crt"))).ConfigureAwait(false);
        ServiceReply client = await _clientEnd.CallAsync<ServiceReply>("nerdbank-connect",
            new NerdbankArguments(a, Path.ChangeExtension(b, ".crt"), Lab.Address(Lab.B, server.Port))).ConfigureAwait(false);
        _handle = client.Handle;
        await OpensAsync(4, 0.3).ConfigureAwait(false);
    }
}
