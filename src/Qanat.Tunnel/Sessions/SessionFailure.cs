using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Sessions;

/// <summary>Turns the end of a session into the exception that readers and writers see.</summary>
internal static class SessionFailure
{
    public static TunnelException Create(SessionState state)
    {
        if (state.Phase != SessionPhase.Ended)
        {
            return new TunnelException(TunnelError.Cancelled, "This side has closed its direction of the session.");
        }
        if (state.OpenTimedOut)
        {
            return new TunnelException(TunnelError.HandshakeTimeout, $"Participant {state.PeerMid} did not answer in time.");
        }
        string who = state.EndedByPeer ? "said" : "found";
        return new TunnelException(
            TunnelException.FromFrameReason(state.EndReason), $"The session with {state.PeerMid} ended: {state.EndReason} ({(state.EndedByPeer ? "the other side" : "this side")} {who} so).");
    }
}
