using System.Collections.Concurrent;
using Qanat.Hub.Membership;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub;

/// <summary>Members' links, tickets and byte counts.</summary>
internal sealed partial class HubCore
{
    private readonly ConcurrentDictionary<Mid, MemberMeter> _meters = new();
    private readonly ConcurrentDictionary<Mid, DateTimeOffset> _ticketIssued = new();

    /// <summary>The member's meter, if it has been here since the start.</summary>
    public MemberMeter? MeterOf(Mid member) => _meters.GetValueOrDefault(member);

    /// <summary>Enters the link of an admitted node and starts it. Of two links of one mid the older is closed (Replaced): <see cref="Router.Attach"/> says which.</summary>
    public void AttachMember(Link link, AdmissionResult admitted, Attachment attachment)
    {
        MemberMeter meter = _meters.GetOrAdd(link.PeerMid, _ => new MemberMeter(admitted.Quotas, _time));
        if (meter.Quotas != admitted.Quotas)
        {
            meter.Quotas = admitted.Quotas;
        }
        MemberPort port = new(link, Router, meter, attachment) { HomeHub = admitted.HomeHub, GuestTicket = admitted.GuestTicket };
        MemberPort? replaced = Router.Attach(port);
        if (replaced is not null)
        {
            _ = CloseAsync(replaced, LinkCloseCause.Replaced);
        }
        if (ReferenceEquals(replaced, port))
        {
            return;
        }
        // A revocation, or a home hub that lost its trust, that raced the handshake must win.
        if (IsRevoked(port) || IsOfUntrustedHub(port))
        {
            Router.Detach(port);
            _ = CloseAsync(port, LinkCloseCause.Denied);
            return;
        }
        // Welcomed while the hub stopped: nobody else would close it any more.
        if (_stop.IsCancellationRequested)
        {
            Router.Detach(port);
            _ = CloseAsync(port, LinkCloseCause.Draining);
            return;
        }
        _resolver.Forget(port.Mid);
        _noRoute.Remove(port.Mid);
        link.Start(port, null);
        _logger.MemberLinked(attachment.Name, port.Mid);
        if (_draining)
        {
            port.TrySendControl(new FrameHeader(FrameType.Drain, FrameReason.None, 0, Mid, port.Mid, 0, 0), default);
        }
        _ = WatchAsync(port);
        if (admitted.GuestTicket is not null)
        {
            _ = TellHomeAsync(port);
        }
        FlushPending(port.Mid);
    }

    /// <summary>A fresh membership ticket for an own member.</summary>
    public byte[]? IssueTicket(Mid member)
    {
        if (!Directory.TryGet(member, out Participant? own) || !own.Active)
        {
            return null;
        }
        DateTimeOffset now = _time.GetUtcNow();
        _ticketIssued[member] = now;
        QuotaOverrides quotas = own.Quotas;
        return new MembershipTicket(
            own.Name, member, Mid, (ulong)now.ToUnixTimeMilliseconds(), (ulong)(now + _ticketLifetime).ToUnixTimeMilliseconds(),
            (ulong)(quotas.BytesPerSecond ?? 0), (uint)(quotas.Sessions ?? 0), (uint)(quotas.OpensPerSecond ?? 0)).Encode(_identity.Sign);
    }

    /// <summary>Sends new tickets to own members whose ticket is half over.</summary>
    public void RenewTickets()
    {
        DateTimeOffset now = _time.GetUtcNow();
        foreach (MemberPort port in Router.Members)
        {
            if (port.GuestTicket is null && (!_ticketIssued.TryGetValue(port.Mid, out DateTimeOffset issued) || now - issued >= _ticketLifetime / 2)
                && IssueTicket(port.Mid) is { } ticket
                && !port.TrySendControl(new FrameHeader(FrameType.Ticket, FrameReason.None, 0, Mid, port.Mid, 0, 0), ticket))
            {
                _ticketIssued.TryRemove(port.Mid, out _);
            }
        }
    }

    /// <summary>Closes links of guests whose ticket has run out.</summary>
    public void CloseExpiredGuests()
    {
        ulong now = (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (MemberPort port in Router.Members)
        {
            if (port.GuestTicket is not null && MembershipTicket.TryDecodeUnverified(port.GuestTicket, out MembershipTicket ticket) && ticket.Expires <= now)
            {
                _ = CloseAsync(port, LinkCloseCause.Denied);
            }
        }
    }

    /// <summary>Forgets the counts of guests that have left: another hub may send any number of them.</summary>
    public void ForgetGuests()
    {
        foreach (Mid member in _meters.Keys)
        {
            if (!Directory.TryGet(member, out _) && !Router.TryGetMember(member, out _))
            {
                _meters.TryRemove(member, out _);
            }
        }
    }

    /// <summary>Saves members' byte counts; what cannot be saved now is saved later.</summary>
    public void SaveBytes()
    {
        List<(Mid, long, long)> deltas = [];
        List<(MemberMeter, (long, long))> taken = [];
        foreach ((Mid member, MemberMeter meter) in _meters)
        {
            if (!Directory.TryGet(member, out _))
            {
                continue;
            }
            (long From, long To) delta = meter.TakeUnsaved();
            if (delta != default)
            {
                deltas.Add((member, delta.From, delta.To));
                taken.Add((meter, delta));
            }
        }
        if (deltas.Count == 0)
        {
            return;
        }
        try
        {
            Directory.AddBytes(deltas);
        }
        catch (DirectoryUnavailableException e)
        {
            taken.ForEach(t => t.Item1.ReturnUnsaved(t.Item2));
            _logger.DirectoryUnavailable(e.Message);
        }
    }

    private bool IsRevoked(MemberPort port) =>
        (Directory.TryGet(port.Mid, out Participant? own) && !own.Active) || Directory.IsRevokedBy(port.Mid, port.HomeHub);

    private bool IsOfUntrustedHub(MemberPort port) => port.GuestTicket is not null && !Table.TryGet(port.HomeHub, out _);

    private async Task WatchAsync(MemberPort port)
    {
        LinkClosed closed = await port.Link.Completion;
        Router.Detach(port);
        _logger.MemberLeft(port.Attachment.Name, port.Mid, closed.Cause, closed.Detail);
        await port.Link.DisposeAsync();
    }

    // The home hub answers for the member's name: it should know at once where the member is.
    private async Task TellHomeAsync(MemberPort port)
    {
        try
        {
            if (await Links.ConnectAsync(port.HomeHub, _stop.Token) is { } home)
            {
                home.EnsureAnnounced(port);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
