using Microsoft.Extensions.Logging;

namespace Qanat.Node.Options;

/// <summary>
/// Everything a node can be told. Keys in YAML are the kebab-case form of the property names (<c>first-byte-seconds</c>). Those marked live are taken over without a restart.
/// Plain data: <see cref="NodeOptionsValidator"/> says what is wrong with it, key by key.
/// </summary>
public sealed class NodeOptions
{
    /// <summary>Folder with the node's key and certificate; created on first start.</summary>
    public string Identity { get; set; } = "";

    /// <summary>Participant name asked for at enrolment, such as <c>hospital-a</c>.</summary>
    public string Name { get; set; } = "";

    /// <summary>Hubs of the subnet, in order of preference. Live.</summary>
    public List<HubOptions> Hubs { get; set; } = [];

    /// <summary>One-time enrolment token (<c>ID.SECRET</c>); not needed once enrolled.</summary>
    public string? EnrolmentToken { get; set; }

    /// <summary>PEM file with the organisation CA that peers' certificates must chain to; null asks for none.</summary>
    public string? OrganisationCa { get; set; }

    /// <summary>PEM file with this node's certificate issued by its organisation CA (for its own key); null uses a self-signed one.</summary>
    public string? Certificate { get; set; }

    /// <summary>The one local port for platforms: HTTP proxy, CONNECT, h2c and SOCKS5.</summary>
    public ProxyOptions Proxy { get; set; } = new();

    /// <summary>The admin listener.</summary>
    public AdminOptions Admin { get; set; } = new();

    /// <summary>Services published to peers, by name. Live.</summary>
    public Dictionary<string, ServiceOptions> Services { get; set; } = [];

    /// <summary>Local TCP ports joined to remote services. Live.</summary>
    public List<ForwardOptions> Forwards { get; set; } = [];

    /// <summary>Who may open connections to this node at all, and how many. Live.</summary>
    public PeerOptions Peers { get; set; } = new();

    /// <summary>Sessions and tunnels.</summary>
    public TunnelLimitOptions Tunnel { get; set; } = new();

    /// <summary>Least level written. Live.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;
}

/// <summary>One hub.</summary>
public sealed class HubOptions
{
    /// <summary>Address: <c>ws://host:port/</c> or <c>wss://host:port/</c>.</summary>
    public string Url { get; set; } = "";

    /// <summary>The hub's mid; a hub that proves another key is refused. Null trusts the first key that answers and keeps to it, in <c>hubs.pinned</c> of the identity folder (not recommended).</summary>
    public string? Mid { get; set; }

    /// <summary>HTTP forward proxy to reach the hub through, by CONNECT: <c>http://[user:password@]host:port</c>, percent-encoded; may be <c>file:PATH</c>. Null dials directly. Hubs that the network tells of are reached like the first hub.</summary>
    public string? HttpProxy { get; set; }

    /// <summary>PEM file with the CA of the hub's <c>wss</c> certificate; null uses the system's. Hubs that the network tells of are reached like the first hub.</summary>
    public string? Ca { get; set; }
}

/// <summary>The proxy port.</summary>
public sealed class ProxyOptions
{
    /// <summary>Listening address, <c>host:port</c> with an IP address; port 0 takes any free port. Empty switches the proxy off.</summary>
    public string Listen { get; set; } = "127.0.0.1:7080";

    /// <summary>Must be true to listen on anything but a loopback address: whoever reaches the port acts as this organisation.</summary>
    public bool AllowRemote { get; set; }

    /// <summary>Most client connections at once; more are closed.</summary>
    public int MaxConnections { get; set; } = 8192;

    /// <summary>Most tunnel connections at once to one remote service for pooled HTTP/1.1 requests; more requests wait.</summary>
    public int MaxConnectionsPerService { get; set; } = 1024;

    /// <summary>A client must send its first bytes (and finish a CONNECT or SOCKS5 request) within this many seconds.</summary>
    public int FirstByteSeconds { get; set; } = 10;

    /// <summary>HTTP request headers must be complete within this many seconds.</summary>
    public int HeaderSeconds { get; set; } = 15;

    /// <summary>An idle kept-alive client connection is closed after this many seconds.</summary>
    public int KeepAliveSeconds { get; set; } = 120;

    /// <summary>A tunnel to the peer must be up within this many seconds. Live.</summary>
    public int ConnectSeconds { get; set; } = 20;

    /// <summary>A forwarded request may be silent in both directions for this many seconds. Long-polling jobs need it long.</summary>
    public int ActivitySeconds { get; set; } = 3600;

    /// <summary>A pooled tunnel connection idle for this many seconds is given back. Must be below what the far side allows (120).</summary>
    public int PoolIdleSeconds { get; set; } = 60;

    /// <summary>Total size of request headers accepted.</summary>
    public int HeaderMaxBytes { get; set; } = 64 * 1024;

    /// <summary>How long the first CONNECT or SOCKS5 connection to a service waits for a refusal before it is told "connected".</summary>
    public int RefusalWaitMilliseconds { get; set; } = 250;
}

/// <summary>The admin listener.</summary>
public sealed class AdminOptions
{
    /// <summary>Address: <c>http://ip:port</c>. Empty switches it off.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:7081";

    /// <summary>File with the bearer token that changes need; created in the identity folder when null.</summary>
    public string? TokenFile { get; set; }

    /// <summary>Host names, besides IP literals of the listener and <c>localhost</c>, that requests may name (against DNS rebinding).</summary>
    public List<string> Hosts { get; set; } = [];
}

/// <summary>One published service.</summary>
public sealed class ServiceOptions
{
    /// <summary><c>http://host:port</c>, <c>https://host:port</c>, <c>h2c://host:port</c> or <c>tcp://host:port</c>. Peers never influence it.</summary>
    public string Target { get; set; } = "";

    /// <summary>Who may use it: participant names, mids, or <c>*</c>. Empty: nobody.</summary>
    public List<string> Allow { get; set; } = [];

    /// <summary>Most tunnel connections to it at once, all peers together.</summary>
    public int MaxConnections { get; set; } = 4096;

    /// <summary>
    /// Most connections to the target at once. Each stream to a <c>tcp</c> target takes one for as long as it lasts, idle or not, and one too many is reset;
    /// HTTP requests that find none free wait. Above <see cref="MaxConnections"/>, so that by default nothing that was admitted is reset here.
    /// </summary>
    public int MaxBackendConnections { get; set; } = 8192;

    /// <summary>The target must accept a connection within this many seconds (name lookup included).</summary>
    public int ConnectSeconds { get; set; } = 10;

    /// <summary>A request may be silent in both directions for this many seconds.</summary>
    public int ActivitySeconds { get; set; } = 3600;

    /// <summary>PEM file with the CA of an <c>https</c> target; null uses the system's.</summary>
    public string? TargetCa { get; set; }
}

/// <summary>One local TCP port joined to a remote service.</summary>
public sealed class ForwardOptions
{
    /// <summary>Listening address, <c>ip:port</c>.</summary>
    public string Listen { get; set; } = "";

    /// <summary><c>qanat://participant/service</c>.</summary>
    public string To { get; set; } = "";

    /// <summary>Must be true to listen on anything but a loopback address.</summary>
    public bool AllowRemote { get; set; }

    /// <summary>Most connections at once.</summary>
    public int MaxConnections { get; set; } = 1024;
}

/// <summary>Who may open connections to this node, before any service's own allow list, and per-peer caps.</summary>
public sealed class PeerOptions
{
    /// <summary>Participant names, mids, or <c>*</c> (default: the services' lists decide).</summary>
    public List<string> Allow { get; set; } = ["*"];

    /// <summary>Most connections of one peer at once.</summary>
    public int MaxConnections { get; set; } = 4096;

    /// <summary>Opens per second of one peer, sustained; bursts up to twice that.</summary>
    public int OpensPerSecond { get; set; } = 5000;
}

/// <summary>Sessions and tunnels.</summary>
public sealed class TunnelLimitOptions
{
    /// <summary>A session without a live path is given up after this many seconds.</summary>
    public int GraceSeconds { get; set; } = 60;

    /// <summary>Memory cap for buffers of one tunnel, in bytes.</summary>
    public long TunnelMemoryMaxBytes { get; set; } = 256L << 20;

    /// <summary>Window cap of one session, in bytes.</summary>
    public long SessionWindowMaxBytes { get; set; } = 64L << 20;

    /// <summary>Clocks of node and hub may differ by this many seconds.</summary>
    public int ClockSkewSeconds { get; set; } = 600;
}
