using System.Collections.Concurrent;
using System.Net;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.E2E.Harness;

/// <summary>What an evil hub does with one session frame. It may pass on any number of frames, to anyone.</summary>
internal delegate void Tampering(EvilHub hub, FrameHeader header, byte[] payload);

/// <summary>
/// A hub that speaks the protocol, so that honest nodes join it, and then does what it likes with their frames. It has its own valid key and
/// everything a hub knows; it has no member's key.
/// </summary>
internal sealed class EvilHub : ILinkAdmission, ILinkHandler, IAsyncDisposable
{
    private readonly NodeIdentity _identity = NodeIdentity.Create();
    private readonly LinkListener _listener;
    private readonly ConcurrentDictionary<Mid, Link> _links = new();
    private readonly ConcurrentDictionary<string, Mid> _names = new();

    public EvilHub()
    {
        _listener = new LinkListener(
            _identity,
            new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Link = new LinkOptions { SendQueueBytes = 16 << 20 } },
            this,
            accepted =>
            {
                _names[accepted.Proof.RequestedName ?? ""] = accepted.Proof.PeerMid;
                _links[accepted.Link.PeerMid] = accepted.Link;
                accepted.Link.Start(this, null);
                return ValueTask.CompletedTask;
            });
        _listener.Start();
    }

    public int Port => _listener.LocalEndPoint.Port;

    public Mid Mid => _identity.Mid;

    /// <summary>Null: an honest hub.</summary>
    public Tampering? Tamper { get; set; }

    /// <summary>Frames the attack has touched.</summary>
    public int Attacks { get; set; }

    public Mid MidOf(string name) => _names[name];

    public ValueTask<LinkAdmission> AdmitAsync(LinkProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new LinkAdmission { ParticipantName = proof.RequestedName + ".evil", HubName = "evil" });

    public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Resolve when ResolveQuery.TryDecode(payload, out ResolveQuery query):
                bool known = _names.TryGetValue(query.Name?.Split('.')[0] ?? "", out Mid member);
                ResolveAnswer answer = new()
                {
                    Status = known ? FrameReason.None : FrameReason.UnknownMember,
                    Name = query.Name ?? "",
                    Member = known ? member : query.Member,
                    Hub = Mid,
                    Online = known,
                };
                link.TrySend(new FrameHeader(FrameType.Resolved, 0, 0, Mid, header.Source, header.SessionId, 0), answer.Encode());
                break;
            case <= FrameType.Reset when Tamper is { } tamper:
                lock (this)
                {
                    tamper(this, header, payload.ToArray());
                }
                break;
            default:
                Forward(header, payload);
                break;
        }
    }

    public ValueTask OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;

    /// <summary>Sends a frame to the member it names.</summary>
    public void Forward(in FrameHeader header, ReadOnlySpan<byte> payload) => Send(header.Destination, header, payload);

    /// <summary>Sends a frame to any member, whatever it says.</summary>
    public void Send(Mid to, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_links.TryGetValue(to, out Link? link))
        {
            link.TrySend(header, payload);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        foreach (Link link in _links.Values)
        {
            await link.DisposeAsync();
        }
        _identity.Dispose();
    }
}
