using System.Diagnostics;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel.Mux;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel;

public sealed partial class TunnelEndpoint
{
    private readonly ForwardingAcceptor _acceptor;

    private async Task<Tunnel> DialAsync(Mid peer)
    {
        using Activity? activity = s_activities.StartActivity("qanat.tunnel.establish", ActivityKind.Client);
        activity?.SetTag("qanat.peer", peer.ToString());
        long started = _time.GetTimestamp();
        try
        {
            // A dial is shared by all who want the tunnel: none of their tokens ends it.
            await WaitForLinkToDialAsync(CancellationToken.None).ConfigureAwait(false);
            SessionStream session = _table.Open(peer);
            return await SecureAsync(session, started, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TunnelException or OperationCanceledException or ObjectDisposedException)
        {
            TunnelException typed = e as TunnelException ?? new TunnelException(TunnelError.ShuttingDown, "This node is shutting down.", e);
            if (typed.Error is TunnelError.PeerOffline or TunnelError.UnknownParticipant or TunnelError.HubUnreachable)
            {
                _names.Forget(peer);
            }
            activity?.SetStatus(ActivityStatusCode.Error, typed.Code);
            _logger.TunnelFailed(peer, typed.Error, typed.Message);
            throw typed;
        }
    }

    private async Task WaitForLinkToDialAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(_options.LinkWait, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token, cancellationToken);
        try
        {
            await _supervisor.WaitForLinkAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!_stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            string why = _supervisor.LastError is { } error ? $" Last attempt: {error}" : "";
            throw new TunnelException(TunnelError.HubUnreachable, $"No hub can be reached.{why}", e);
        }
    }

    private async Task<Tunnel> SecureAsync(SessionStream session, long started, CancellationToken cancellationToken)
    {
        SslStream secured = await _layerTwo.SecureAsync(session, cancellationToken).ConfigureAwait(false);
        session.SetProbeInterval(TimeSpan.FromSeconds(1));
        MuxSession mux = new(
            secured, session.IsInitiator, _options.Mux, session.PeerMid, _names.NameOf(session.PeerMid), _acceptor, _logger, _muxMetrics, _time);
        Tunnel tunnel = new(session, secured, mux, _time.GetUtcNow());
        PeerTunnels tunnels;
        do
        {
            tunnels = TunnelsOf(session.PeerMid);
        }
        while (!tunnels.TryAdd(tunnel));
        mux.Start();
        _ = RemoveWhenEndedAsync(tunnel, tunnels);
        _logger.TunnelUp(session.PeerMid, session.IsInitiator, secured.NegotiatedCipherSuite.ToString(), (long)_time.GetElapsedTime(started).TotalMilliseconds);
        return tunnel;
    }

    private async Task RemoveWhenEndedAsync(Tunnel tunnel, PeerTunnels tunnels)
    {
        await tunnel.Mux.Completion.ConfigureAwait(false);
        tunnels.Remove(tunnel);
        TunnelError error = tunnel.Mux.Error?.Error ?? TunnelError.None;
        if (error == TunnelError.SecurityFailure)
        {
            tunnel.Session.Abort(FrameReason.SecurityFailure);
        }
        else if (error == TunnelError.ProtocolError)
        {
            tunnel.Session.Abort(FrameReason.ProtocolError);
        }
        await tunnel.Mux.DisposeAsync().ConfigureAwait(false);
        _logger.TunnelEnded(tunnel.PeerMid, error);
    }

    /// <summary>Runs on the link's receive loop. The mid is only claimed: these limits keep strangers' handshakes small, layer 2 decides.</summary>
    private FrameReason AdmitSession(Mid peer)
    {
        if (_disposed != 0)
        {
            return FrameReason.ShuttingDown;
        }
        if (AdmitPeer is { } admit)
        {
            bool allowed = false;
            Call(() => allowed = admit(peer));
            if (!allowed)
            {
                return FrameReason.Denied;
            }
        }
        return _table.InboundCount >= _options.MaxInboundSessions
            || Volatile.Read(ref _inboundHandshakes) >= _options.MaxInboundHandshakes
            || _table.CountInboundOf(peer) >= _options.MaxInboundSessionsPerPeer
            ? FrameReason.QuotaExceeded
            : FrameReason.None;
    }

    private async Task ServeInboundAsync(SessionStream session)
    {
        using Activity? activity = s_activities.StartActivity("qanat.tunnel.accept", ActivityKind.Server);
        activity?.SetTag("qanat.peer", session.PeerMid.ToString());
        Interlocked.Increment(ref _inboundHandshakes);
        try
        {
            await SecureAsync(session, _time.GetTimestamp(), _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TunnelException or OperationCanceledException or ObjectDisposedException)
        {
            TunnelError error = (e as TunnelException)?.Error ?? TunnelError.ShuttingDown;
            activity?.SetStatus(ActivityStatusCode.Error, TunnelException.ToCode(error));
            _logger.InboundFailed(session.PeerMid, error, e.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _inboundHandshakes);
        }
    }

    /// <summary>Once a second: probes for tunnels in use, closes those long idle, forgets peers without tunnels.</summary>
    private void LookAround()
    {
        long now = _time.GetElapsedTime(0).Ticks;
        foreach ((Mid peer, PeerTunnels tunnels) in _peers)
        {
            if (tunnels.TryRetire())
            {
                _peers.TryRemove(new KeyValuePair<Mid, PeerTunnels>(peer, tunnels));
            }
        }
        foreach (Tunnel tunnel in AllTunnels())
        {
            TimeSpan idle = tunnel.Look(now);
            if (_options.IdleTimeout > TimeSpan.Zero && idle >= tunnel.IdleLimit(_options.IdleTimeout) && tunnel.Mux.CanOpen)
            {
                _logger.TunnelIdle(tunnel.PeerMid);
                _ = tunnel.Mux.GoAwayAsync();
            }
        }
    }

    /// <summary>Hands what peers open to whoever is the acceptor at that moment.</summary>
    private sealed class ForwardingAcceptor(TunnelEndpoint endpoint) : IStreamAcceptor
    {
        public MuxResetReason Authorize(Mid peerMid, string service) => endpoint.Acceptor?.Authorize(peerMid, service) ?? MuxResetReason.UnknownService;

        public Task ServeAsync(ConnectionContext connection, string service) => endpoint.Acceptor?.ServeAsync(connection, service) ?? Task.CompletedTask;
    }
}
