using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel;

public sealed partial class TunnelEndpoint
{
    private const byte DiscardFlag = 0x01;
    private const int ProbeFrame = 16 << 10;
    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(10);

    // Members' PINGs are echoed at this node's cost: enough for measurements, too little to eat its quota.
    private const int EchoBurst = 256;
    private const int EchoesPerSecond = 64;

    /// <summary>Round trip of a PING to any mid (a hub, a node), past all queues on the way.</summary>
    /// <param name="target">Who answers.</param>
    /// <param name="payloadBytes">Bytes echoed, 8 to 65,536.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="TunnelException">PeerOffline, UnknownParticipant, HubUnreachable.</exception>
    public async Task<TimeSpan> PingAsync(Mid target, int payloadBytes, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(payloadBytes, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadBytes, FrameHeader.MaxPayload);
        await WaitForLinkToDialAsync(cancellationToken).ConfigureAwait(false);
        long started = _time.GetTimestamp();
        byte[] echoed = await _requests.AskAsync(FrameType.Ping, target, new byte[payloadBytes], s_pingTimeout, cancellationToken).ConfigureAwait(false);
        return echoed.Length == payloadBytes
            ? _time.GetElapsedTime(started)
            : throw new TunnelException(TunnelError.ProtocolError, $"{target} echoed {echoed.Length} of {payloadBytes} bytes.");
    }

    /// <summary>
    /// Throughput to any mid: PINGs that the target discards, then one that it echoes. What a full queue on the way drops is not noticed;
    /// keep <paramref name="bytes"/> within a few MiB.
    /// </summary>
    /// <exception cref="TunnelException">As <see cref="PingAsync"/>.</exception>
    public async Task<ThroughputProbe> MeasureThroughputAsync(Mid target, int bytes, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        TimeSpan roundTrip = await PingAsync(target, 8, cancellationToken).ConfigureAwait(false);
        Link link = _table.CurrentLink ?? throw new TunnelException(TunnelError.HubUnreachable, "The link was lost.");
        byte[] payload = new byte[ProbeFrame];
        FrameHeader discard = new(FrameType.Ping, FrameReason.None, DiscardFlag, Mid, target, HubRequests.NewId(), 0);
        long started = _time.GetTimestamp();
        for (int sent = 0; sent < bytes; sent += ProbeFrame)
        {
            while (!link.TrySend(discard, payload))
            {
                if (link.Completion.IsCompleted)
                {
                    throw new TunnelException(TunnelError.HubUnreachable, "The link was lost.");
                }
                await Task.Delay(TimeSpan.FromMilliseconds(1), _time, cancellationToken).ConfigureAwait(false);
            }
        }
        await _requests.AskAsync(FrameType.Ping, target, new byte[8], s_pingTimeout, cancellationToken).ConfigureAwait(false);
        TimeSpan duration = _time.GetElapsedTime(started) - roundTrip;
        long total = (long)((bytes + ProbeFrame - 1) / ProbeFrame) * ProbeFrame;
        return new ThroughputProbe(total, duration < TimeSpan.FromTicks(1) ? TimeSpan.FromTicks(1) : duration, roundTrip);
    }

    /// <summary>Frames that belong to no session. Runs on the link's receive loop.</summary>
    private void OnControl(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Ping:
                if ((header.Flags & DiscardFlag) == 0 && MayEcho())
                {
                    // When the queue is full the answer is lost, as on any congested path.
                    link.TrySend(new FrameHeader(FrameType.Pong, FrameReason.None, 0, Mid, header.Source, header.SessionId, header.Offset), payload);
                }
                break;
            case FrameType.Pong:
            case FrameType.Resolved:
                _requests.OnAnswer(link, header, payload);
                break;
            case FrameType.Unreachable:
                _requests.OnUnreachable(header);
                break;
            case FrameType.Hubs when header.Source == link.PeerMid:
                LearnHubs(payload);
                break;
            case FrameType.Drain when header.Source == link.PeerMid:
                _supervisor.Drain(link);
                break;
            case FrameType.Ticket when header.Source == link.PeerMid:
                TakeTicket(link, payload.ToArray());
                break;
            default:
                break;
        }
    }

    private bool MayEcho()
    {
        lock (_echoGate)
        {
            return _echoes.TryTake();
        }
    }

    /// <summary>Keeps a ticket that the hub at the other end wrote for this member; what a hub sends beside may not take the place of a good one.</summary>
    private void TakeTicket(Link link, byte[] ticket)
    {
        if (!MembershipTicket.TryDecodeUnverified(ticket, out MembershipTicket claimed) || claimed.Member != Mid || claimed.HomeHub != link.PeerMid)
        {
            return;
        }
        if (_connector is HubConnector hub)
        {
            hub.Ticket = ticket;
        }
        Call(() => TicketRenewed?.Invoke(ticket));
    }

    private void LearnHubs(ReadOnlySpan<byte> payload)
    {
        if (HubTablePayload.TryDecode(payload, out byte[][] records))
        {
            // Verifying up to 128 signatures is too long for a receive loop.
            ThreadPool.UnsafeQueueUserWorkItem(work => work.Endpoint.Call(() => work.Endpoint._supervisor.LearnHubs(work.Records)), (Endpoint: this, Records: records), preferLocal: false);
        }
    }
}
