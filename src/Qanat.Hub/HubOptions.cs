using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Logging;

namespace Qanat.Hub;

/// <summary>Settings of a hub. In YAML every key is kebab-case (<c>data-folder</c>). Those marked live are taken over without a restart.</summary>
public sealed class HubOptions
{
    /// <summary><c>name</c>: the hub's name, one DNS label; its members are <c>participant.name</c>.</summary>
    public string Name { get; set; } = "";

    /// <summary><c>data-folder</c>: key (<c>hub.key</c>), directory (<c>hub.db</c>) and admin token (<c>admin.token</c>). Made with mode 0700 when missing.</summary>
    public string DataFolder { get; set; } = "";

    /// <summary><c>listen</c>: WebSocket addresses for nodes, <c>ws://</c> or <c>wss://</c>. Port 0 takes a free one.</summary>
    public IReadOnlyList<string> Listen { get; set; } = ["ws://0.0.0.0:7000"];

    /// <summary><c>advertise</c>: addresses of <see cref="Listen"/> as nodes reach them; empty: as in <see cref="Listen"/>, if that is no wildcard.</summary>
    public IReadOnlyList<string> Advertise { get; set; } = [];

    /// <summary><c>tls-certificate</c>: PEM chain for <c>wss://</c>.</summary>
    public string? TlsCertificate { get; set; }

    /// <summary><c>tls-key</c>: PEM key of <see cref="TlsCertificate"/>.</summary>
    public string? TlsKey { get; set; }

    /// <summary><c>mesh</c>: the other hubs.</summary>
    public MeshOptions Mesh { get; set; } = new();

    /// <summary><c>enrolment</c>: who may become a member.</summary>
    public EnrolmentOptions Enrolment { get; set; } = new();

    /// <summary><c>quotas</c>: defaults of every member without its own. Live.</summary>
    public QuotaOptions Quotas { get; set; } = new();

    /// <summary><c>limits</c>: bounds of the hub itself.</summary>
    public HubLimitOptions Limits { get; set; } = new();

    /// <summary><c>admin</c>: the admin listener.</summary>
    public AdminOptions Admin { get; set; } = new();

    /// <summary><c>log-level</c>: least level written. Live.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;
}

/// <summary>The mesh of hubs.</summary>
public sealed class MeshOptions
{
    /// <summary><c>mesh.listen</c>: TCP address for other hubs; empty: this hub only dials.</summary>
    public string? Listen { get; set; } = "tcp://0.0.0.0:7001";

    /// <summary><c>mesh.advertise</c>: that address as other hubs reach it.</summary>
    public string? Advertise { get; set; }

    /// <summary><c>mesh.peers</c>: hubs trusted by configuration: the trust roots of the mesh. Live.</summary>
    public IReadOnlyList<MeshPeerOptions> Peers { get; set; } = [];

    /// <summary>
    /// <c>mesh.accept-introduced</c>: also trust hubs whose records a configured peer passes on. Off: only configured peers are spoken to. Live.
    /// </summary>
    public bool AcceptIntroduced { get; set; }

    /// <summary><c>mesh.idle-seconds</c>: a hub link without members' frames for so long is closed; it is dialled again when needed. Live.</summary>
    [Range(5, 86400)]
    public int IdleSeconds { get; set; } = 300;

    /// <summary><c>mesh.resolve-timeout-milliseconds</c>: how long other hubs are waited for when a name or mid is looked up.</summary>
    [Range(100, 30000)]
    public int ResolveTimeoutMilliseconds { get; set; } = 2000;
}

/// <summary>One hub trusted by configuration.</summary>
public sealed class MeshPeerOptions
{
    /// <summary><c>name</c>: its name; what it may use for its members.</summary>
    public string Name { get; set; } = "";

    /// <summary><c>mid</c>: its mid; the link is refused when another key is proven.</summary>
    public string Mid { get; set; } = "";

    /// <summary><c>address</c>: <c>tcp://host:port</c>; empty: only it dials.</summary>
    public string? Address { get; set; }
}

/// <summary>Enrolment of new members.</summary>
public sealed class EnrolmentOptions
{
    /// <summary><c>enrolment.organisation-ca</c>: PEM file of CA certificates; a node whose organisation certificate chains to one enrols without a token, under the certificate's common name.</summary>
    public string? OrganisationCa { get; set; }

    /// <summary><c>enrolment.token-hours</c>: how long a new token lasts unless told otherwise. Live.</summary>
    [Range(1, 8760)]
    public int TokenHours { get; set; } = 72;

    /// <summary><c>enrolment.ticket-hours</c>: how long a membership ticket lasts; renewed at half of it.</summary>
    [Range(1, 720)]
    public int TicketHours { get; set; } = 24;
}

/// <summary>Default quotas; zero means no limit.</summary>
public sealed class QuotaOptions
{
    /// <summary><c>quotas.bytes-per-second</c>: bytes read from a member's link per second; 0 or at least 16384.</summary>
    public long BytesPerSecond { get; set; }

    /// <summary><c>quotas.sessions</c>: live sessions a member has opened.</summary>
    [Range(0, 65536)]
    public int Sessions { get; set; } = 4096;

    /// <summary><c>quotas.opens-per-second</c>: new sessions per second.</summary>
    [Range(0, 1_000_000)]
    public int OpensPerSecond { get; set; } = 1000;

    /// <summary><c>quotas.queue-bytes</c>: bytes of a member's frames in the queue of one next link; 0 or at least 131072.</summary>
    public long QueueBytes { get; set; }
}

/// <summary>Bounds of the hub.</summary>
public sealed class HubLimitOptions
{
    /// <summary><c>limits.links</c>: most live links. Live.</summary>
    [Range(1, 1_000_000)]
    public int Links { get; set; } = 20000;

    /// <summary><c>limits.handshakes</c>: most unfinished handshakes at once; beyond, the oldest gives way.</summary>
    [Range(1, 100000)]
    public int Handshakes { get; set; } = 4096;

    /// <summary><c>limits.link-queue-bytes</c>: bound of one link's send queue.</summary>
    [Range(1 << 18, 1 << 30)]
    public int LinkQueueBytes { get; set; } = 4 << 20;

    /// <summary><c>limits.heartbeat-seconds</c>: a link is probed when idle for so long; two misses end it.</summary>
    [Range(1, 60)]
    public int HeartbeatSeconds { get; set; } = 5;

    /// <summary><c>limits.clock-skew-seconds</c>: most that a peer's clock may differ.</summary>
    [Range(1, 86400)]
    public int ClockSkewSeconds { get; set; } = 600;

    /// <summary><c>limits.drain-seconds</c>: how long a stopping hub waits for its members to move. Live.</summary>
    [Range(0, 600)]
    public int DrainSeconds { get; set; } = 20;
}

/// <summary>The admin listener.</summary>
public sealed class AdminOptions
{
    /// <summary><c>admin.listen</c>: HTTP address; loopback unless you know better. Empty: none.</summary>
    public string? Listen { get; set; } = "http://127.0.0.1:7070";

    /// <summary><c>admin.hosts</c>: host names accepted in the Host header beside the address itself and localhost (against DNS rebinding).</summary>
    public IReadOnlyList<string> Hosts { get; set; } = [];
}
