using System.Net.Security;
using Qanat.Tunnel.Mux;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>One tunnel that is up: session, layer 2 and multiplexer.</summary>
internal sealed class Tunnel(SessionStream session, SslStream secured, MuxSession mux, DateTimeOffset since)
{
    private static readonly TimeSpan s_active = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(15);
    private long _lastTotal = -1;
    private long _idleSince = -1;
    private readonly double _jitter = Random.Shared.NextDouble();
    private bool _probesOften = true;

    public SessionStream Session => session;

    public MuxSession Mux => mux;

    public Mid PeerMid => session.PeerMid;

    public bool CanOpen => mux.CanOpen && !session.Ended.IsCompleted;

    /// <summary>Called about once a second: asks a silent peer for a sign of life often while connections are open, and tells how long there were none.</summary>
    public TimeSpan Look(long now)
    {
        bool active = mux.ConnectionCount > 0;
        ProbeOften(active);
        long total = mux.OpenedCount + mux.AcceptedCount;
        if (active || total != _lastTotal || _idleSince < 0)
        {
            _lastTotal = total;
            _idleSince = now;
        }
        return new TimeSpan(now - _idleSince);
    }

    /// <summary>When this side closes the tunnel for want of connections.</summary>
    public TimeSpan IdleLimit(TimeSpan timeout) => IdleLimit(timeout, session.IsInitiator, _jitter);

    /// <summary>
    /// The initiator closes an idle tunnel, up to a tenth later than the setting, so that a thousand tunnels made together do not end together. The acceptor,
    /// whose clock says the same, only does when the initiator has not in twice the time: an end from both sides at once may meet a connection just opened.
    /// </summary>
    internal static TimeSpan IdleLimit(TimeSpan timeout, bool isInitiator, double jitter) => isInitiator ? timeout * (1 + (0.1 * jitter)) : timeout * 2;

    public void ProbeOften(bool often)
    {
        if (_probesOften != often)
        {
            _probesOften = often;
            session.SetProbeInterval(often ? s_active : s_idle);
        }
    }

    public PeerTunnelStatus GetStatus() => new(
        PeerMid, mux.PeerName, session.IsInitiator, secured.NegotiatedCipherSuite.ToString(), since, mux.ConnectionCount, mux.OpenedCount,
        mux.AcceptedCount, mux.BytesRead, mux.BytesWritten, session.GetStatus());
}
