using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>
/// The relay: routes frames by header 1 between live links. Keeps routes, never anything of a session. No I/O of its own: links are
/// given, time is given, everything that takes long goes through <see cref="IRouteControl"/>. Thread-safe; lookups are lock-free; nothing is allocated
/// per relayed frame. Rules: docs/protocol/link.md, "Rules of a hub".
/// </summary>
internal sealed class Router
{
    /// <summary>Flag bit 7: the frame has passed one hub-hub link.</summary>
    public const byte RelayedMark = 0x80;

    /// <summary>Longest payload of a session frame other than DATA, of PING and PONG apart.</summary>
    public const int MaxControlPayload = 1024;

    private const byte DiscardFlag = 0x01;

    /// <summary>A handshake is done within this time, or not at all.</summary>
    private const long HandshakeMilliseconds = 10_000;

    private readonly ConcurrentDictionary<Mid, MemberPort> _members = new();
    private readonly ConcurrentDictionary<string, MemberPort> _guests = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Mid, HubPort> _hubs = new();
    private readonly ConcurrentDictionary<Mid, RemoteRoute> _remote = new();
    private readonly ConcurrentDictionary<Mid, int> _routesOfHub = new();
    private readonly long[] _drops = new long[Enum.GetValues<DropReason>().Length];
    private long _retiredFrames;
    private long _retiredBytes;
    private long _pauses;

    public Router(Mid localMid, IRouteControl control, RelayLimits limits, TimeProvider time) =>
        (LocalMid, Control, Limits, Time) = (localMid, control, limits, time);

    /// <summary>The hub's own mid.</summary>
    public Mid LocalMid { get; }

    public RelayLimits Limits { get; }

    public IRouteControl Control { get; }

    public TimeProvider Time { get; }

    /// <summary>Live links of members.</summary>
    public ICollection<MemberPort> Members => _members.Values;

    /// <summary>Live links to hubs.</summary>
    public ICollection<HubPort> Hubs => _hubs.Values;

    /// <summary>Number of live member links.</summary>
    public int MemberCount => _members.Count;

    /// <summary>Number of live hub links.</summary>
    public int HubCount => _hubs.Count;

    /// <summary>Known routes to members of other hubs.</summary>
    public int RouteCount => _remote.Count;

    /// <summary>Frames and bytes (headers included) queued to links since the start.</summary>
    public (long Frames, long Bytes) Sent
    {
        get
        {
            (long frames, long bytes) = (Volatile.Read(ref _retiredFrames), Volatile.Read(ref _retiredBytes));
            foreach ((_, MemberPort port) in _members)
            {
                (frames, bytes) = (frames + port.FramesOut, bytes + port.BytesOut);
            }
            foreach ((_, HubPort port) in _hubs)
            {
                (frames, bytes) = (frames + port.FramesOut, bytes + port.BytesOut);
            }
            return (frames, bytes);
        }
    }

    /// <summary>Times that a member's reading was paused by its quota.</summary>
    public long QuotaPauses => Volatile.Read(ref _pauses);

    /// <summary>Frames dropped for a reason since the start.</summary>
    public long Dropped(DropReason reason) => Volatile.Read(ref _drops[(int)reason]);

    /// <summary>Counts one dropped frame.</summary>
    public void CountDrop(DropReason reason) => Interlocked.Increment(ref _drops[(int)reason]);

    /// <summary>Counts one pause of reading.</summary>
    public void CountPause() => Interlocked.Increment(ref _pauses);

    /// <summary>
    /// Enters a member's live link. It takes the place of one that is here, unless that was signed later: when a node gave up on an attempt and made another,
    /// the handshake given up may be done last. Only within a handshake's time, so that its own older link does not lock out a node whose clock was set back.
    /// </summary>
    /// <returns>The port that lost, for the caller to close: the one that was here, or <paramref name="port"/> itself; null when there was none.</returns>
    public MemberPort? Attach(MemberPort port)
    {
        MemberPort? replaced = null;
        _members.AddOrUpdate(port.Mid, _ => { replaced = null; return port; }, (_, old) =>
        {
            bool isLate = old.Attachment.TimeUnixMilliseconds - port.Attachment.TimeUnixMilliseconds is > 0 and <= HandshakeMilliseconds;
            replaced = isLate ? port : old;
            return isLate ? old : port;
        });
        if (ReferenceEquals(replaced, port))
        {
            return port;
        }
        RemoveRoute(port.Mid, route => route.Attachment.TimeUnixMilliseconds <= port.Attachment.TimeUnixMilliseconds);
        if (port.GuestTicket is not null)
        {
            _guests[port.Attachment.Name] = port;
        }
        if (replaced is not null)
        {
            ForgetGuest(replaced);
            Retire(replaced);
            foreach (HubPort hub in _hubs.Values)
            {
                hub.Forget(replaced);
            }
        }
        return replaced;
    }

    /// <summary>Takes a member's link out, unless a newer one has taken its place already; tells the hubs that knew of it.</summary>
    /// <returns>True when the member has no live link any more.</returns>
    public bool Detach(MemberPort port)
    {
        if (!_members.TryRemove(new KeyValuePair<Mid, MemberPort>(port.Mid, port)))
        {
            return false;
        }
        ForgetGuest(port);
        Retire(port);
        foreach (HubPort hub in _hubs.Values)
        {
            if (hub.Forget(port))
            {
                Control.OnWithdraw(hub, port.Attachment);
            }
        }
        return true;
    }

    /// <summary>Enters a hub's live link and returns the one it replaces.</summary>
    public HubPort? AttachHub(HubPort port)
    {
        HubPort? replaced = null;
        _hubs.AddOrUpdate(port.Mid, port, (_, old) => { replaced = old; return port; });
        if (replaced is not null)
        {
            Retire(replaced);
        }
        return replaced;
    }

    /// <summary>Takes a hub's link out. Routes over that hub stay: the link is dialled again when one is used.</summary>
    public bool DetachHub(HubPort port)
    {
        if (!_hubs.TryRemove(new KeyValuePair<Mid, HubPort>(port.Mid, port)))
        {
            return false;
        }
        Retire(port);
        return true;
    }

    /// <summary>The live link of a member.</summary>
    public bool TryGetMember(Mid mid, [NotNullWhen(true)] out MemberPort? port) => _members.TryGetValue(mid, out port);

    /// <summary>The live link of a roaming member, by the full name that its home hub gave it.</summary>
    public bool TryGetGuest(string fullName, [NotNullWhen(true)] out MemberPort? port) => _guests.TryGetValue(fullName, out port);

    /// <summary>The live link to a hub.</summary>
    public bool TryGetHub(Mid mid, [NotNullWhen(true)] out HubPort? port) => _hubs.TryGetValue(mid, out port);

    /// <summary>The route to a member of another hub.</summary>
    public bool TryGetRoute(Mid mid, [NotNullWhen(true)] out RemoteRoute? route) => _remote.TryGetValue(mid, out route);

    /// <summary>
    /// Enters a verified attachment of a member at another hub. The newest attachment wins, also over a live link here (the member has moved on).
    /// </summary>
    /// <param name="attachment">Verified by the caller.</param>
    /// <param name="shownOn">The link on which that hub itself showed it; null when learned otherwise.</param>
    /// <param name="movedAway">The live link here that is now stale; the caller closes it.</param>
    /// <returns>False when a newer one is known, or that hub has used up its routes.</returns>
    public bool TrySetRoute(Attachment attachment, HubPort? shownOn, out MemberPort? movedAway)
    {
        movedAway = null;
        if (_members.TryGetValue(attachment.Member, out MemberPort? local))
        {
            if (local.Attachment.TimeUnixMilliseconds >= attachment.TimeUnixMilliseconds)
            {
                return false;
            }
            movedAway = local;
        }
        while (true)
        {
            if (_remote.TryGetValue(attachment.Member, out RemoteRoute? old))
            {
                if (old.Attachment.TimeUnixMilliseconds > attachment.TimeUnixMilliseconds)
                {
                    movedAway = null;
                    return false;
                }
                if (old.Attachment.TimeUnixMilliseconds == attachment.TimeUnixMilliseconds && old.Hub == attachment.Hub)
                {
                    old.ShownOn = shownOn ?? old.ShownOn;
                    return true;
                }
            }
            if (old?.Hub != attachment.Hub && _routesOfHub.GetValueOrDefault(attachment.Hub) >= Limits.RoutesPerHub)
            {
                movedAway = null;
                return false;
            }
            RemoteRoute route = new(attachment) { ShownOn = shownOn };
            if (old is null ? _remote.TryAdd(attachment.Member, route) : _remote.TryUpdate(attachment.Member, route, old))
            {
                CountRoute(attachment.Hub, 1);
                if (old is not null)
                {
                    CountRoute(old.Hub, -1);
                }
                return true;
            }
        }
    }

    /// <summary>Removes the route to a member if <paramref name="condition"/> holds for it.</summary>
    public bool RemoveRoute(Mid member, Func<RemoteRoute, bool> condition)
    {
        if (_remote.TryGetValue(member, out RemoteRoute? route) && condition(route)
            && _remote.TryRemove(new KeyValuePair<Mid, RemoteRoute>(member, route)))
        {
            CountRoute(route.Hub, -1);
            return true;
        }
        return false;
    }

    /// <summary>Removes every route over a hub (it is gone for good, or no longer trusted).</summary>
    public void RemoveRoutesOf(Mid hub)
    {
        foreach ((Mid member, RemoteRoute route) in _remote)
        {
            if (route.Hub == hub)
            {
                RemoveRoute(member, r => r.Hub == hub);
            }
        }
    }

    /// <summary>A frame from a member's link.</summary>
    public void FromMember(MemberPort port, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Source != port.Mid || (header.Flags & RelayedMark) != 0)
        {
            CountDrop(DropReason.SpoofedSource);
            return;
        }
        if (header.Type <= FrameType.Reset)
        {
            SessionFromMember(port, header, payload);
            return;
        }
        switch (header.Type)
        {
            case FrameType.Ping when header.Destination == LocalMid:
                Pong(port, header, payload);
                break;
            case FrameType.Ping or FrameType.Pong when header.Destination != LocalMid:
                Deliver(port, header, payload);
                break;
            case FrameType.Pong:
                break;
            case FrameType.Resolve when header.Destination == LocalMid && payload.Length <= MaxControlPayload:
                Control.OnResolve(port, header, payload);
                break;
            default:
                CountDrop(DropReason.Unexpected);
                break;
        }
    }

    /// <summary>A frame from a hub's link.</summary>
    public void FromHub(HubPort port, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Source == port.Mid && header.Destination == LocalMid)
        {
            if (header.Type == FrameType.Ping)
            {
                Pong(port, header, payload);
            }
            else if (header.Type is FrameType.Resolve or FrameType.Resolved or (>= FrameType.Hubs and <= FrameType.Revoked))
            {
                Control.OnHubControl(port, header, payload);
            }
            else if (header.Type != FrameType.Pong)
            {
                CountDrop(DropReason.Unexpected);
            }
            return;
        }
        if (header.Type == FrameType.Unreachable)
        {
            UnreachableFromHub(port, header);
            return;
        }
        if (header.Type is > FrameType.Reset and not (FrameType.Ping or FrameType.Pong))
        {
            CountDrop(DropReason.Unexpected);
            return;
        }
        if (header.Source != port.Mid && !(_remote.TryGetValue(header.Source, out RemoteRoute? route) && ReferenceEquals(route.ShownOn, port)))
        {
            CountDrop(DropReason.SpoofedSource);
            Control.OnUnshown(port, header.Source);
            return;
        }
        // A hub's own frames to a member are answers to PING only.
        if (header.Source == port.Mid ? header.Type != FrameType.Pong : (header.Flags & RelayedMark) == 0)
        {
            CountDrop(DropReason.Loop);
            return;
        }
        if (header.Type == FrameType.Ping && header.Destination == LocalMid)
        {
            Pong(port, header, payload);
        }
        else if (_members.TryGetValue(header.Destination, out MemberPort? member))
        {
            // The mark is taken off again: the member receives header 1 as its partner wrote it.
            Send(member, header with { Flags = (byte)(header.Flags & ~RelayedMark) }, payload, long.MaxValue, null);
            port.Touch();
            ObserveEnd(member, header);
        }
        else
        {
            // Never to a third hub.
            CountDrop(DropReason.NoRoute);
            if (IsSession(header.Type) || header.Type == FrameType.Ping)
            {
                port.SendUnreachable(header.Destination, header.Source, header.SessionId,
                    Control.IsOwnMember(header.Destination) ? FrameReason.PeerOffline : FrameReason.UnknownMember);
            }
        }
    }

    /// <summary>Delivers a frame that waited for its route; <see cref="FrameReason.None"/> when it could be passed on (or dropped by a queue).</summary>
    public FrameReason Deliver(MemberPort port, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_members.TryGetValue(header.Destination, out MemberPort? member))
        {
            Send(member, header, payload, port.Meter.QueueCap, port);
            ObserveEnd(member, header);
            return FrameReason.None;
        }
        if ((header.Type == FrameType.Ping && _hubs.TryGetValue(header.Destination, out HubPort? hub))
            || (_remote.TryGetValue(header.Destination, out RemoteRoute? route) && _hubs.TryGetValue(route.Hub, out hub)))
        {
            if (!hub.EnsureAnnounced(port))
            {
                CountDrop(DropReason.Congested);
                return FrameReason.None;
            }
            Send(hub, header with { Flags = (byte)(header.Flags | RelayedMark) }, payload, port.Meter.QueueCap, port);
            return FrameReason.None;
        }
        FrameReason reason = Control.WantRoute(port, header, payload);
        if (reason != FrameReason.None)
        {
            CountDrop(DropReason.NoRoute);
            if (IsSession(header.Type) || header.Type == FrameType.Ping)
            {
                port.SendUnreachable(header.Destination, port.Mid, header.SessionId, reason);
            }
        }
        return reason;
    }

    private void SessionFromMember(MemberPort port, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Type == FrameType.Data)
        {
            if (payload.IsEmpty)
            {
                CountDrop(DropReason.Malformed);
                return;
            }
            if (port.Meter.DropsData)
            {
                CountDrop(DropReason.Quota);
                return;
            }
        }
        else if (payload.Length > MaxControlPayload)
        {
            CountDrop(DropReason.Malformed);
            return;
        }
        if (header.Type == FrameType.Open && !port.Meter.TryOpen(header.Destination, header.SessionId))
        {
            CountDrop(DropReason.Quota);
            port.SendUnreachable(header.Destination, port.Mid, header.SessionId, FrameReason.QuotaExceeded);
            return;
        }
        port.Meter.Observe(header.Type, header.Destination, header.SessionId);
        Deliver(port, header, payload);
    }

    private void UnreachableFromHub(HubPort port, in FrameHeader header)
    {
        // Only about a member that, as far as is known, is at that hub: no hub may talk down another's members.
        bool known = _remote.TryGetValue(header.Source, out RemoteRoute? route);
        if (known && route!.Hub != port.Mid || _members.ContainsKey(header.Source) || !_members.TryGetValue(header.Destination, out MemberPort? member))
        {
            CountDrop(DropReason.SpoofedSource);
            return;
        }
        if (known && header.Reason is FrameReason.PeerOffline or FrameReason.UnknownMember)
        {
            RemoveRoute(header.Source, r => ReferenceEquals(r, route));
        }
        Send(member, header with { Flags = 0 }, default, long.MaxValue, null);
    }

    private void Pong(Port port, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        bool discard = (header.Flags & DiscardFlag) != 0;
        if (!discard)
        {
            port.TrySendControl(new FrameHeader(FrameType.Pong, FrameReason.None, 0, LocalMid, header.Source, header.SessionId, header.Offset), payload);
        }
    }

    private bool Send(Port next, in FrameHeader header, ReadOnlySpan<byte> payload, long cap, MemberPort? from)
    {
        if (!next.TrySend(header, payload, cap, out DropReason reason))
        {
            CountDrop(reason);
            from?.NoteCrowded(next);
            return false;
        }
        if (next is MemberPort member)
        {
            member.Meter.CountTo(FrameHeader.Length + payload.Length);
        }
        else
        {
            ((HubPort)next).Touch();
        }
        if (from is not null && next.Crowded)
        {
            from.NoteCrowded(next);
        }
        return true;
    }

    private void ForgetGuest(MemberPort port) => _guests.TryRemove(new KeyValuePair<string, MemberPort>(port.Attachment.Name, port));

    private void Retire(Port port)
    {
        Interlocked.Add(ref _retiredFrames, port.FramesOut);
        Interlocked.Add(ref _retiredBytes, port.BytesOut);
    }

    private void CountRoute(Mid hub, int delta) => _routesOfHub.AddOrUpdate(hub, static (_, d) => d, static (_, count, d) => count + d, delta);

    // Only ends are looked for on the way to a member: what it opened itself is touched by what it sends.
    private static void ObserveEnd(MemberPort member, in FrameHeader header)
    {
        if (header.Type is FrameType.Reject or FrameType.Reset or FrameType.Close)
        {
            member.Meter.Observe(header.Type, header.Source, header.SessionId);
        }
    }

    private static bool IsSession(FrameType type) => type <= FrameType.Reset;
}
