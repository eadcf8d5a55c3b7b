using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>Connection feature of every tunnel connection (both ends): who is at the other end, proven by layer-2 TLS.</summary>
public interface ITunnelPeerFeature
{
    /// <summary>The peer's mid, equal to the hash of the key in its layer-2 certificate.</summary>
    Mid PeerMid { get; }

    /// <summary>The peer's directory name (<c>participant.hub</c>) when known, otherwise its mid as text. Not proven by TLS: for display.</summary>
    string PeerName { get; }

    /// <summary>The service name in OPEN.</summary>
    string Service { get; }

    /// <summary>Resets the connection at once with a reason that the peer sees.</summary>
    void Reset(MuxResetReason reason);
}
