using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Sessions;

/// <summary>One session at one moment.</summary>
/// <param name="PeerMid">The other end.</param>
/// <param name="SessionId">Tunnel id.</param>
/// <param name="IsInitiator">True at the side that opened it.</param>
/// <param name="Phase">Life of the session.</param>
/// <param name="IsSuspended">True while the peer is being searched for.</param>
/// <param name="RoundTrip">Smoothed round trip, node to node.</param>
/// <param name="CongestionBytes">Congestion window.</param>
/// <param name="ReceiveWindowBytes">Receive window.</param>
/// <param name="ReplayBytes">Bytes not yet acknowledged or not yet sent.</param>
/// <param name="UnreadBytes">Received bytes that layer 2 has not read.</param>
/// <param name="Counters">Counters since the beginning.</param>
public sealed record SessionStatus(
    Mid PeerMid, ulong SessionId, bool IsInitiator, SessionPhase Phase, bool IsSuspended, TimeSpan RoundTrip, long CongestionBytes,
    long ReceiveWindowBytes, long ReplayBytes, long UnreadBytes, SessionCounters Counters);

/// <summary>How far a session got in filling a link's buffer.</summary>
internal enum FillResult
{
    /// <summary>Nothing more to send now.</summary>
    Done,
    /// <summary>Another frame is ready.</summary>
    More,
    /// <summary>The link's buffer is full.</summary>
    Full,
}
