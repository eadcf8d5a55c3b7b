using System.Collections.Concurrent;
using Qanat.Testing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.Tunnel.Tests.Endpoint;

/// <summary>
/// A subnet of hubs in memory that routes by destination mid, drops what does not fit, answers names, and does whatever evil a test asks for.
/// </summary>
internal sealed class FakeNetwork
{
    private readonly ConcurrentDictionary<Mid, (FakeHub Hub, Link Link)> _members = new();

    public ConcurrentDictionary<string, Mid> Names { get; } = new();

    /// <summary>The full name answered for a name; the name itself when null.</summary>
    public Func<string, string>? FullNames { get; init; }

    /// <summary>Sees each frame on its way; returns what is delivered instead.</summary>
    public Func<FrameHeader, byte[], IEnumerable<(FrameHeader Header, byte[] Payload)>>? Evil { get; set; }

    /// <summary>Hubs take name questions and never answer.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Name questions that have come, repeated ones too.</summary>
    public int Asked;

    public int Relayed;

    public FakeHub AddHub() => new(this);

    public void Join(Mid mid, FakeHub hub, Link link) => _members[mid] = (hub, link);

    public void Leave(Mid mid, Link link) => _members.TryRemove(new KeyValuePair<Mid, (FakeHub, Link)>(mid, (_members.GetValueOrDefault(mid).Hub, link)));

    public void Route(Link from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Interlocked.Increment(ref Relayed);
        if (Evil is { } evil)
        {
            foreach ((FrameHeader changed, byte[] bytes) in evil(header, payload.ToArray()))
            {
                Deliver(from, changed, bytes);
            }
            return;
        }
        Deliver(from, header, payload);
    }

    private void Deliver(Link from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_members.TryGetValue(header.Destination, out (FakeHub Hub, Link Link) member) && !member.Hub.IsDown)
        {
            member.Link.TrySend(header, payload);
        }
        else if (header.Type != FrameType.Unreachable)
        {
            FrameReason reason = Names.Values.Contains(header.Destination) ? FrameReason.PeerOffline : FrameReason.UnknownMember;
            from.TrySend(new FrameHeader(FrameType.Unreachable, reason, 0, header.Destination, header.Source, header.SessionId, 0), []);
        }
    }
}

/// <summary>One hub of a <see cref="FakeNetwork"/>.</summary>
internal sealed class FakeHub(FakeNetwork network) : ILinkHandler
{
    private readonly ConcurrentDictionary<InMemoryLinkPair, Mid> _links = new();

    public NodeIdentity Identity { get; } = NodeIdentity.Create();

    public bool IsDown { get; private set; }

    public int Accepted;

    public HubAddress Address => new(new Uri($"ws://{Identity.Mid}.test/"), Identity.Mid);

    public Link Accept(Mid node)
    {
        if (IsDown)
        {
            throw new TunnelException(TunnelError.HubUnreachable, "The hub is down.");
        }
        Interlocked.Increment(ref Accepted);
        InMemoryLinkPair pair = new(node, Identity.Mid, rightRole: LinkRole.Hub);
        _links[pair] = node;
        network.Join(node, this, pair.Right);
        pair.Right.Start(this, null);
        _ = ForgetAsync(pair, node);
        return pair.Left;
    }

    /// <summary>As kill -9: frames under way are lost.</summary>
    public void Kill()
    {
        IsDown = true;
        foreach (InMemoryLinkPair pair in _links.Keys)
        {
            pair.Cut();
        }
    }

    public void Restart() => IsDown = false;

    public void Drain() => Say(FrameType.Drain, []);

    /// <summary>A control frame of the hub's own to all its members.</summary>
    public void Say(FrameType type, byte[] payload)
    {
        foreach (InMemoryLinkPair pair in _links.Keys)
        {
            pair.Right.TrySend(new FrameHeader(type, FrameReason.None, 0, Identity.Mid, _links[pair], 0, 0), payload);
        }
    }

    public void OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Type == FrameType.Resolve && ResolveQuery.TryDecode(payload, out ResolveQuery query))
        {
            Interlocked.Increment(ref network.Asked);
            if (network.IsSilent)
            {
                return;
            }
            ResolveAnswer answer = network.Names.TryGetValue(query.Name ?? "", out Mid mid)
                ? new ResolveAnswer { Status = FrameReason.None, Name = network.FullNames?.Invoke(query.Name!) ?? query.Name!, Member = mid, Online = true }
                : new ResolveAnswer { Status = FrameReason.UnknownMember };
            link.TrySend(new FrameHeader(FrameType.Resolved, FrameReason.None, 0, Identity.Mid, header.Source, header.SessionId, 0), answer.Encode());
        }
        else if (header.Destination == Identity.Mid && header.Type == FrameType.Ping)
        {
            link.TrySend(new FrameHeader(FrameType.Pong, FrameReason.None, 0, Identity.Mid, header.Source, header.SessionId, 0), payload);
        }
        else if (!IsDown)
        {
            network.Route(link, header, payload);
        }
    }

    public ValueTask OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;

    private async Task ForgetAsync(InMemoryLinkPair pair, Mid node)
    {
        await pair.Right.Completion;
        network.Leave(node, pair.Right);
        _links.TryRemove(pair, out _);
    }
}

/// <summary>Dials the hubs of a fake network.</summary>
internal sealed class FakeConnector(Mid node, params FakeHub[] hubs) : ILinkConnector
{
    public async Task<HubLink> ConnectAsync(HubAddress hub, CancellationToken cancellationToken)
    {
        await Task.Yield();
        FakeHub found = hubs.First(candidate => candidate.Identity.Mid == hub.Mid);
        return new HubLink(found.Accept(node), "hub", "node", null, []);
    }
}
