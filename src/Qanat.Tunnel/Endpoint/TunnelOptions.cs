using Qanat.Tunnel.Links;
using Qanat.Tunnel.Mux;
using Qanat.Tunnel.Security;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel;

/// <summary>Settings of a <see cref="TunnelEndpoint"/>. Immutable.</summary>
public sealed record TunnelOptions
{
    /// <summary>Hubs in order of preference.</summary>
    public required IReadOnlyList<HubAddress> Hubs { get; init; }

    /// <summary>Hubs learned in an earlier run (<see cref="TunnelEndpoint.HubsLearned"/>).</summary>
    public IReadOnlyList<HubAddress> LearnedHubs { get; init; } = [];

    /// <summary>What hubs configured without a mid have proven in an earlier run (<see cref="TunnelEndpoint.HubPinned"/>).</summary>
    public IReadOnlyList<HubAddress> PinnedHubs { get; init; } = [];

    /// <summary>Session constants: grace time, windows.</summary>
    public SessionSettings Session { get; init; } = new();

    /// <summary>Memory for all sessions' grown windows and replay buffers together, in bytes.</summary>
    public long SessionMemoryMaxBytes { get; init; } = 512L << 20;

    /// <summary>Multiplexer settings of each tunnel.</summary>
    public MuxOptions Mux { get; init; } = MuxOptions.Default;

    /// <summary>How the link is kept up.</summary>
    public LinkSupervisorOptions Links { get; init; } = new();

    /// <summary>Layer-2 policy.</summary>
    public LayerTwoOptions LayerTwo { get; init; } = new();

    /// <summary>How long a new tunnel waits for a link to a hub.</summary>
    public TimeSpan LinkWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a hub may take to answer a name question.</summary>
    public TimeSpan ResolveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a resolved name is believed.</summary>
    public TimeSpan ResolveTtl { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an unknown name is believed to be unknown.</summary>
    public TimeSpan ResolveNegativeTtl { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A tunnel without connections is closed by its initiator after this time and up to a tenth more, by its acceptor after twice the time; zero keeps it.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Most sessions that peers may have open here.</summary>
    public int MaxInboundSessions { get; init; } = 4096;

    /// <summary>Most inbound sessions that have not finished their TLS handshake.</summary>
    public int MaxInboundHandshakes { get; init; } = 256;

    /// <summary>Most sessions that one peer may have open here.</summary>
    public int MaxInboundSessionsPerPeer { get; init; } = 16;

    /// <summary>How long a stop waits for connections to end.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
