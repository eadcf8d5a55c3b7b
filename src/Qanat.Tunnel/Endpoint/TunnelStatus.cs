using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>A tunnel endpoint at one moment; what <c>qanat status</c> shows.</summary>
/// <param name="Mid">Own mid.</param>
/// <param name="Link">The link in use; null while there is none.</param>
/// <param name="LinkCount">Links made so far.</param>
/// <param name="LastError">The last failed attempt to link; null after a success.</param>
/// <param name="LastErrorCode">Its stable code.</param>
/// <param name="Hubs">All hubs known, in order of preference.</param>
/// <param name="Tunnels">Tunnels that are up.</param>
/// <param name="Sessions">All sessions, those that still open or linger included.</param>
/// <param name="MemoryReservedBytes">Session memory budget in use.</param>
/// <param name="MemoryBlockBytes">Bytes of buffers that hold data.</param>
public sealed record TunnelStatus(
    Mid Mid, LinkStatus? Link, long LinkCount, string? LastError, string? LastErrorCode, IReadOnlyList<string> Hubs,
    IReadOnlyList<PeerTunnelStatus> Tunnels, IReadOnlyList<SessionStatus> Sessions, long MemoryReservedBytes, long MemoryBlockBytes);

/// <summary>The link in use.</summary>
/// <param name="HubMid">The hub's mid, proven.</param>
/// <param name="HubName">Its name, as it says.</param>
/// <param name="Address">Where it was dialed.</param>
/// <param name="ParticipantName">This member's name in the directory.</param>
/// <param name="Since">When the link came up.</param>
/// <param name="RoundTrip">Heartbeat round trip.</param>
/// <param name="QueuedBytes">Bytes in its send queue.</param>
public sealed record LinkStatus(Mid HubMid, string? HubName, Uri Address, string? ParticipantName, DateTimeOffset Since, TimeSpan RoundTrip, long QueuedBytes);

/// <summary>One tunnel.</summary>
/// <param name="PeerMid">The peer, proven by layer 2.</param>
/// <param name="PeerName">Its directory name when known.</param>
/// <param name="IsInitiator">True when this side opened the session.</param>
/// <param name="Cipher">Layer-2 cipher suite.</param>
/// <param name="Since">When the tunnel came up.</param>
/// <param name="Connections">Connections open now.</param>
/// <param name="Opened">Connections opened by this side so far.</param>
/// <param name="Accepted">Connections accepted from the peer so far.</param>
/// <param name="BytesRead">Bytes of header 2 and payload read.</param>
/// <param name="BytesWritten">Bytes of header 2 and payload written.</param>
/// <param name="Session">The session below.</param>
public sealed record PeerTunnelStatus(
    Mid PeerMid, string PeerName, bool IsInitiator, string Cipher, DateTimeOffset Since, int Connections, long Opened, long Accepted,
    long BytesRead, long BytesWritten, SessionStatus Session);

/// <summary>Where a participant is.</summary>
/// <param name="Mid">Its mid.</param>
/// <param name="Name">Its full directory name.</param>
/// <param name="HubMid">The hub that its link is at, or was last; <see cref="Mid.None"/> when not known.</param>
/// <param name="IsOnline">True when it has a link now.</param>
public sealed record PeerLocation(Mid Mid, string Name, Mid HubMid, bool IsOnline);

/// <summary>Result of <see cref="TunnelEndpoint.MeasureThroughputAsync"/>.</summary>
/// <param name="Bytes">Bytes sent to be discarded.</param>
/// <param name="Duration">Time until the echo behind them was back, one round trip taken off.</param>
/// <param name="RoundTrip">Round trip without load.</param>
public sealed record ThroughputProbe(long Bytes, TimeSpan Duration, TimeSpan RoundTrip)
{
    /// <summary>Bytes per second.</summary>
    public double BytesPerSecond => Bytes / Math.Max(1e-6, Duration.TotalSeconds);
}
