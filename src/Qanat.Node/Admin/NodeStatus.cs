using System.Text.Json.Serialization;

namespace Qanat.Node.Admin;

/// <summary>Answer of <c>/api/v1/status</c>.</summary>
public sealed record NodeStatus
{
    /// <summary>Own mid.</summary>
    public required string Mid { get; init; }

    /// <summary>Name in the directory, once known.</summary>
    public string? Name { get; init; }

    /// <summary>Address of the proxy port.</summary>
    public string? Proxy { get; init; }

    /// <summary>The link to the hub; null while there is none.</summary>
    public NodeLinkStatus? Link { get; init; }

    /// <summary>Why the last attempt to link failed: stable code.</summary>
    public string? LinkErrorCode { get; init; }

    /// <summary>Why the last attempt to link failed.</summary>
    public string? LinkError { get; init; }

    /// <summary>Tunnels that are up.</summary>
    public required IReadOnlyList<NodeTunnelStatus> Tunnels { get; init; }

    /// <summary>Published services.</summary>
    public required IReadOnlyList<NodeServiceStatus> Services { get; init; }

    /// <summary>Forwards: configured address to bound address.</summary>
    public required IReadOnlyDictionary<string, string> Forwards { get; init; }

    /// <summary>Names in allow lists and the mids they are pinned to.</summary>
    public required IReadOnlyDictionary<string, string> PinnedPeers { get; init; }
}

/// <summary>The link to the hub.</summary>
/// <param name="HubMid">The hub's mid.</param>
/// <param name="HubName">Its name.</param>
/// <param name="Address">Where it was dialed.</param>
/// <param name="Since">When the link came up.</param>
/// <param name="RoundTripMilliseconds">Heartbeat round trip.</param>
public sealed record NodeLinkStatus(string HubMid, string? HubName, string Address, DateTimeOffset Since, double RoundTripMilliseconds);

/// <summary>One tunnel.</summary>
/// <param name="PeerMid">The peer's mid.</param>
/// <param name="PeerName">Its name.</param>
/// <param name="SessionId">Tunnel id, 16 hex digits: the same for as long as the session and the TLS inside it live.</param>
/// <param name="IsInitiator">True when this side opened it.</param>
/// <param name="Cipher">Layer-2 cipher suite.</param>
/// <param name="Since">When its TLS handshake was done.</param>
/// <param name="Connections">Connections open now.</param>
/// <param name="Opened">Connections opened by this side so far.</param>
/// <param name="Accepted">Connections accepted from the peer so far.</param>
/// <param name="BytesRead">Bytes read.</param>
/// <param name="BytesWritten">Bytes written.</param>
public sealed record NodeTunnelStatus(
    string PeerMid, string PeerName, string SessionId, bool IsInitiator, string Cipher, DateTimeOffset Since, int Connections, long Opened, long Accepted,
    long BytesRead, long BytesWritten);

/// <summary>One published service.</summary>
/// <param name="Name">Name.</param>
/// <param name="Scheme">How its target is spoken to.</param>
/// <param name="Connections">Peers' connections now.</param>
/// <param name="BackendConnections">Connections to the target now.</param>
public sealed record NodeServiceStatus(string Name, string Scheme, int Connections, int BackendConnections);

[JsonSerializable(typeof(NodeStatus))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class AdminJson : JsonSerializerContext;
