using Qanat.Hub.Membership;
using Qanat.Hub.Mesh;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.Hub;

/// <summary>The router's questions, and what other hubs say.</summary>
internal sealed partial class HubCore
{
    bool IRouteControl.IsOwnMember(Mid mid) => Directory.TryGet(mid, out Participant? own) && own.Active;

    FrameReason IRouteControl.WantRoute(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Mid destination = header.Destination;
        if (_noRoute.TryGet(destination, out FrameReason reason))
        {
            return reason;
        }
        // One member may not use up the searches of all; what is not searched for now is dropped, sessions try again.
        bool mayStart = _searches.Count < MaxSearches && from.TryEnterSearch(MaxMemberSearches);
        if (!mayStart && !_searches.ContainsKey(destination))
        {
            Router.CountDrop(DropReason.Congested);
            return FrameReason.None;
        }
        _pending.Keep(from, header, payload);
        if (mayStart && _searches.TryAdd(destination, true))
        {
            _ = SearchAsync(from, destination);
        }
        else if (mayStart)
        {
            from.LeaveSearch();
        }
        else if (!_searches.ContainsKey(destination))
        {
            // The search ended between the look and the keeping: nobody would flush it.
            FlushPending(destination);
        }
        return FrameReason.None;
    }

    void IRouteControl.OnResolve(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!ResolveQuery.TryDecode(payload, out ResolveQuery query))
        {
            Router.CountDrop(DropReason.Malformed);
        }
        else if (_resolver.TryAnswerNow(query) is { } answer)
        {
            SendAnswer(from, header.SessionId, answer);
        }
        else if (from.TryEnterResolve(MaxMemberResolves))
        {
            _ = ResolveForAsync(from, header.SessionId, query);
        }
        else
        {
            SendAnswer(from, header.SessionId, new ResolveAnswer { Status = FrameReason.Congested });
        }
    }

    void IRouteControl.OnHubControl(HubPort from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        bool wellFormed = header.Type switch
        {
            FrameType.Resolve => OnHubResolve(from, header.SessionId, payload),
            FrameType.Resolved => OnResolved(from, header.SessionId, payload),
            FrameType.Announce => OnAnnounce(from, payload),
            FrameType.Withdraw => OnWithdrawn(from, payload),
            FrameType.Hubs => OnHubs(from, payload),
            FrameType.Revoked => OnRevoked(from, payload),
            _ => true,
        };
        if (!wellFormed)
        {
            Router.CountDrop(DropReason.Malformed);
        }
    }

    void IRouteControl.OnUnshown(HubPort from, Mid member)
    {
        // An ANNOUNCE may have been refused or lost; asking heals that. Once a second per member and hub.
        if (!_askedToShow.TryGet((from.Mid, member), out _))
        {
            _askedToShow.Set((from.Mid, member), true, TimeSpan.FromSeconds(1));
            _ = AskToShowAsync(from, member);
        }
    }

    void IRouteControl.OnWithdraw(HubPort hub, Attachment attachment) => hub.TrySendControl(
        new FrameHeader(FrameType.Withdraw, FrameReason.None, 0, Mid, hub.Mid, 0, 0),
        new MemberWithdrawal(attachment.Member, (ulong)attachment.TimeUnixMilliseconds).Encode());

    ReadOnlySpan<byte> IRouteControl.EncodeAnnounce(Attachment attachment) => new MemberAnnouncement(
        attachment.Member, attachment.Hub, attachment.SubjectPublicKeyInfo, (ulong)attachment.TimeUnixMilliseconds, attachment.Signature, attachment.Name).Encode();

    private async Task SearchAsync(MemberPort from, Mid destination)
    {
        FrameReason reason;
        try
        {
            reason = await FindRouteAsync(destination);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            reason = FrameReason.HubUnreachable;
            if (!_stop.IsCancellationRequested)
            {
                _logger.BackgroundFailed(e, "route search");
            }
        }
        if (reason != FrameReason.None)
        {
            _noRoute.Set(destination, reason, Resolver.NegativeLifetime);
        }
        _searches.TryRemove(destination, out _);
        from.LeaveSearch();
        FlushPending(destination);
    }

    private async Task<FrameReason> FindRouteAsync(Mid destination)
    {
        if (Table.TryGet(destination, out _))
        {
            return await Links.ConnectAsync(destination, _stop.Token) is null ? FrameReason.HubUnreachable : FrameReason.None;
        }
        bool hubLost = false;
        if (Router.TryGetRoute(destination, out RemoteRoute? route))
        {
            if (await Links.ConnectAsync(route.Hub, _stop.Token) is not null)
            {
                return FrameReason.None;
            }
            // The member may have moved on from a hub that cannot be reached.
            Router.RemoveRoute(destination, r => ReferenceEquals(r, route));
            hubLost = true;
        }
        ResolveAnswer answer = await _resolver.ResolveAsync(new ResolveQuery(null, destination), _stop.Token);
        return answer.Online ? FrameReason.None : hubLost && answer.Status != FrameReason.PeerOffline ? FrameReason.HubUnreachable : answer.Status;
    }

    private void FlushPending(Mid destination)
    {
        foreach (PendingFrame frame in _pending.Take(destination))
        {
            if (!frame.From.Link.Completion.IsCompleted)
            {
                Router.Deliver(frame.From, frame.Header, frame.Payload);
            }
        }
    }

    private async Task ResolveForAsync(MemberPort from, ulong id, ResolveQuery query)
    {
        try
        {
            SendAnswer(from, id, await _resolver.ResolveAsync(query, _stop.Token));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!_stop.IsCancellationRequested)
            {
                _logger.BackgroundFailed(e, "resolve");
            }
        }
        finally
        {
            from.LeaveResolve();
        }
    }

    private void SendAnswer(Port to, ulong id, ResolveAnswer answer) =>
        to.TrySendControl(new FrameHeader(FrameType.Resolved, FrameReason.None, 0, Mid, to.Mid, id, 0), answer.Encode());

    // Answers from what is here only: a question never travels on.
    private bool OnHubResolve(HubPort from, ulong id, ReadOnlySpan<byte> payload)
    {
        if (!ResolveQuery.TryDecode(payload, out ResolveQuery query))
        {
            return false;
        }
        from.Touch();
        ResolveAnswer answer = _local.Answer(query) ?? new ResolveAnswer { Status = FrameReason.UnknownMember };
        SendAnswer(from, id, answer);
        if (answer.Online && Router.TryGetMember(answer.Member, out MemberPort? port) && (ulong)port.Attachment.TimeUnixMilliseconds == answer.AttachmentTime)
        {
            from.MarkAnnounced(port);
        }
        return true;
    }

    private bool OnResolved(HubPort from, ulong id, ReadOnlySpan<byte> payload)
    {
        _queries.OnAnswer(from, id, payload);
        return true;
    }

    private bool OnAnnounce(HubPort from, ReadOnlySpan<byte> payload)
    {
        if (!MemberAnnouncement.TryDecode(payload, out MemberAnnouncement announcement))
        {
            return false;
        }
        if (_resolver.TakeAttachment(from, announcement))
        {
            _noRoute.Remove(announcement.Member);
        }
        return true;
    }

    private bool OnWithdrawn(HubPort from, ReadOnlySpan<byte> payload)
    {
        if (!MemberWithdrawal.TryDecode(payload, out MemberWithdrawal withdrawal))
        {
            return false;
        }
        Router.RemoveRoute(withdrawal.Member, r => r.Hub == from.Mid && (ulong)r.Attachment.TimeUnixMilliseconds <= withdrawal.Time);
        return true;
    }

    private bool OnHubs(HubPort from, ReadOnlySpan<byte> payload)
    {
        if (!HubTablePayload.TryDecode(payload, out byte[][] records))
        {
            return false;
        }
        Table.AcceptFrom(from.Mid, records);
        return true;
    }

    private bool OnRevoked(HubPort from, ReadOnlySpan<byte> payload)
    {
        if (!Table.TryGet(from.Mid, out KnownHub? hub) || hub.Record is null
            || !RevocationList.TryVerify(payload, hub.Record.SubjectPublicKeyInfo, out RevocationList list) || list.Hub != from.Mid)
        {
            return false;
        }
        if (Directory.AddForeignRevocations(list.Hub, list.Members.Select(m => (m.Member, DateTimeOffset.FromUnixTimeMilliseconds((long)m.Time)))).Count > 0)
        {
            WakeSaver();
        }
        foreach ((Mid member, _) in list.Members)
        {
            if (Router.TryGetMember(member, out MemberPort? port) && port.HomeHub == list.Hub)
            {
                _ = CloseAsync(port, LinkCloseCause.Denied);
            }
        }
        return true;
    }

    private void OnHubUp(HubPort port)
    {
        SendHubTable(port, HubTablePayload.Encode(Table.Records));
        SendRevocations(port);
        if (_draining)
        {
            port.TrySendControl(new FrameHeader(FrameType.Drain, FrameReason.None, 0, Mid, port.Mid, 0, 0), default);
        }
    }

    private void PushHubTable()
    {
        byte[] payload = HubTablePayload.Encode(Table.Records);
        foreach (Port port in Router.Hubs.Concat<Port>(Router.Members))
        {
            SendHubTable(port, payload);
        }
    }

    private void SendHubTable(Port port, byte[] payload) =>
        port.TrySendControl(new FrameHeader(FrameType.Hubs, FrameReason.None, 0, Mid, port.Mid, 0, 0), payload);

    private void SendRevocations(HubPort port)
    {
        foreach (Participant[] part in Directory.Revoked.Chunk(RevocationList.MaxEntries))
        {
            byte[] list = new RevocationList(Mid, [.. part.Select(p => (p.Mid, (ulong)p.RevokedAt!.Value.ToUnixTimeMilliseconds()))]).Encode(_identity.Sign);
            port.TrySendControl(new FrameHeader(FrameType.Revoked, FrameReason.None, 0, Mid, port.Mid, 0, 0), list);
        }
    }

    // Hubs without a link are dialled: a revocation should not wait until they are needed. Those away now hear it when they come.
    private async Task TellRevocationsAsync()
    {
        HubPort[] told = [.. Router.Hubs];
        Array.ForEach(told, SendRevocations);
        try
        {
            await Task.WhenAll(Table.Hubs.Where(h => !told.Any(t => t.Mid == h.Mid)).Select(async h => await Links.ConnectAsync(h.Mid, _stop.Token)));
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task AskToShowAsync(HubPort from, Mid member)
    {
        try
        {
            using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(2), _time);
            if (await _queries.AskAsync(from, new ResolveQuery(null, member).Encode(), timeout.Token)
                is { Online: true, SubjectPublicKeyInfo: not null, AttachmentSignature: not null } answer)
            {
                _resolver.TakeAttachment(from, new MemberAnnouncement(
                    answer.Member, answer.Hub, answer.SubjectPublicKeyInfo, answer.AttachmentTime, answer.AttachmentSignature, answer.Name));
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _logger.BackgroundFailed(e, "asking a hub to show a member");
        }
    }
}
