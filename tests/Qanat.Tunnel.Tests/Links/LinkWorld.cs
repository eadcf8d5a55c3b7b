using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>A hub's listener on loopback whose admission the test decides, and a dialer with a key of its own.</summary>
internal sealed class LinkWorld : ILinkAdmission, IAsyncDisposable
{
    private readonly Channel<AcceptedLink> _accepted = Channel.CreateUnbounded<AcceptedLink>();

    public LinkWorld(LinkListenerOptions? options = null, TimeProvider? time = null, TimeProvider? nodeTime = null, LinkOptions? nodeOptions = null)
    {
        options ??= new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0) };
        Listener = new LinkListener(Hub, options, this, OnLink, time);
        Listener.Start();
        string scheme = options.Kind == LinkKind.Tcp ? "tcp" : options.Certificate is null ? "ws" : "wss";
        Address = new Uri($"{scheme}://127.0.0.1:{Listener.LocalEndPoint.Port}{(options.Kind == LinkKind.Tcp ? "" : options.Path)}");
        Dialer = new LinkDialer(Node, nodeOptions, nodeTime ?? time);
        Introduction = new LinkIntroduction { Role = options.PeerRole };
    }

    public NodeIdentity Hub { get; } = NodeIdentity.Create();

    public NodeIdentity Node { get; } = NodeIdentity.Create();

    public LinkListener Listener { get; }

    public LinkDialer Dialer { get; }

    public Uri Address { get; }

    public LinkIntroduction Introduction { get; set; }

    public Func<LinkProof, LinkAdmission> Admit { get; set; } = _ => new LinkAdmission { ParticipantName = "hospital-a", HubName = "east" };

    public ConcurrentQueue<LinkProof> Proofs { get; } = new();

    public ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken)
    {
        Proofs.Enqueue(proof);
        return ValueTask.FromResult(Admit(proof));
    }

    /// <summary>Waits for a condition that nothing signals; fails after 20 s.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(1, limit.Token);
        }
    }

    public Task<DialedLink> DialAsync(LinkTarget? target = null) =>
        Dialer.DialAsync(target ?? new LinkTarget { Address = Address, ExpectedMid = Hub.Mid }, Introduction, CancellationToken.None);

    public async Task<AcceptedLink> AcceptedAsync() => await _accepted.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));

    public async Task<(DialedLink Dialed, AcceptedLink Accepted)> JoinAsync(LinkTarget? target = null)
    {
        DialedLink dialed = await DialAsync(target);
        return (dialed, await AcceptedAsync());
    }

    public FrameHeader FromNode(FrameType type = FrameType.Data, ulong offset = 0) => new(type, 0, 0, Node.Mid, Hub.Mid, 7, offset);

    public FrameHeader FromHub(FrameType type = FrameType.Data, ulong offset = 0) => new(type, 0, 0, Hub.Mid, Node.Mid, 7, offset);

    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        while (_accepted.Reader.TryRead(out AcceptedLink? link))
        {
            await link.Link.DisposeAsync();
        }
        Hub.Dispose();
        Node.Dispose();
    }

    private ValueTask OnLink(AcceptedLink link) => _accepted.Writer.WriteAsync(link);
}

/// <summary>Keeps what arrives.</summary>
internal sealed class RecordingHandler : ILinkHandler
{
    private readonly Channel<(FrameHeader Header, byte[] Payload)> _frames = Channel.CreateUnbounded<(FrameHeader, byte[])>();
    private long _wireBytes;

    public long WireBytes => Interlocked.Read(ref _wireBytes);

    public bool IsEmpty => _frames.Reader.Count == 0;

    public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload) => _frames.Writer.TryWrite((header, payload.ToArray()));

    public ValueTask OnBatchAsync(Link link, int wireBytes)
    {
        Interlocked.Add(ref _wireBytes, wireBytes);
        return default;
    }

    public async Task<(FrameHeader Header, byte[] Payload)> NextAsync() =>
        await _frames.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
}
