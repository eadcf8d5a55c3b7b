using System.Collections.Concurrent;
using System.Net;
using Qanat.Tunnel.Links;

namespace Qanat.Tunnel.Tests.Endpoint;

/// <summary>A fake hub behind real WebSocket links on loopback: real handshakes, real sockets, drops what its 1 MiB link queues cannot take.</summary>
internal sealed class SocketHub(FakeNetwork network) : ILinkAdmission, IAsyncDisposable
{
    private readonly FakeHub _hub = network.AddHub();
    private readonly ConcurrentDictionary<Link, bool> _links = new();
    private LinkListener? _listener;
    // Nobody else takes it while the hub is down.
    private readonly int _port = TestPorts.Take();

    public HubAddress Address => new(new Uri($"ws://127.0.0.1:{_port}/"), _hub.Identity.Mid);

    public int LinkCount => _links.Count;

    public void Start()
    {
        _listener = new LinkListener(_hub.Identity, new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, _port) }, this, OnLink);
        _listener.Start();
    }

    /// <summary>Stops listening and breaks every link; bytes in buffers are lost.</summary>
    public async Task KillAsync()
    {
        await _listener!.DisposeAsync();
        await Task.WhenAll(_links.Keys.Select(link => link.CloseAsync(LinkCloseCause.TransportFailed).AsTask()));
    }

    public ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new LinkAdmission { HubName = "hub", ParticipantName = "node", HeartbeatSeconds = 5 });

    public async ValueTask DisposeAsync() => await KillAsync();

    private ValueTask OnLink(AcceptedLink accepted)
    {
        _links[accepted.Link] = true;
        network.Join(accepted.Proof.PeerMid, _hub, accepted.Link);
        accepted.Link.Start(_hub, null);
        _ = ForgetAsync(accepted);
        return ValueTask.CompletedTask;
    }

    private async Task ForgetAsync(AcceptedLink accepted)
    {
        await accepted.Link.Completion;
        network.Leave(accepted.Proof.PeerMid, accepted.Link);
        _links.TryRemove(accepted.Link, out _);
    }
}
