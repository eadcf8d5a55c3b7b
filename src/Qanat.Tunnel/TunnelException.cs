using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel;

/// <summary>What went wrong in a tunnel, sorted by blame. The kebab-case form of the name is the stable error code users see.</summary>
public enum TunnelError
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Network: the own hub cannot be reached, or the peer's hub cannot.</summary>
    HubUnreachable = 100,
    /// <summary>Network: the peer is enrolled but has no live link.</summary>
    PeerOffline = 101,
    /// <summary>Network: the tunnel did not come up within the handshake time-out.</summary>
    HandshakeTimeout = 102,
    /// <summary>Network: the peer was away longer than the grace time.</summary>
    GraceExpired = 103,
    /// <summary>Network: the session was lost (the peer node was restarted).</summary>
    SessionLost = 104,

    /// <summary>Peer: no participant of that name or mid exists.</summary>
    UnknownParticipant = 200,
    /// <summary>Peer: access rules refuse.</summary>
    Denied = 201,
    /// <summary>Peer: no service of that name.</summary>
    UnknownService = 202,
    /// <summary>Peer: the service's address refused the connection.</summary>
    ServiceRefused = 203,
    /// <summary>Peer: the service's address did not answer in time.</summary>
    ServiceTimeout = 204,
    /// <summary>Peer: the service's connection broke in mid-stream.</summary>
    ServiceReset = 205,
    /// <summary>Peer: too many connections or opens.</summary>
    TooManyConnections = 206,
    /// <summary>Peer: a quota of the hub is used up.</summary>
    QuotaExceeded = 207,
    /// <summary>Peer: it gave up on the connection.</summary>
    Cancelled = 208,
    /// <summary>Peer: it is shutting down.</summary>
    ShuttingDown = 209,

    /// <summary>Security: the peer's layer-2 certificate key is not that of the mid the tunnel was routed to.</summary>
    PeerMidMismatch = 300,
    /// <summary>Security: the peer's certificate is not from the required organisation CA.</summary>
    UntrustedCertificate = 301,
    /// <summary>Security: layer-2 TLS failed or found changed bytes.</summary>
    SecurityFailure = 302,
    /// <summary>Security: the hub proved a key other than the configured mid.</summary>
    HubMidMismatch = 303,
    /// <summary>Security: the hub refuses this member (not enrolled, token used, revoked).</summary>
    NotEnrolled = 304,
    /// <summary>Security: the clocks of the two ends of a link differ by more than the bound.</summary>
    ClockSkew = 305,

    /// <summary>Peer: it broke the protocol.</summary>
    ProtocolError = 400,
    /// <summary>Peer: no common protocol version.</summary>
    UnsupportedVersion = 401,

    /// <summary>Local misuse: an address that is not a Qanat address.</summary>
    InvalidAddress = 500,
    /// <summary>Local: the identity's key or certificate file cannot be used.</summary>
    InvalidIdentity = 501,
    /// <summary>Local: text that is not an enrolment token (<c>ID.SECRET</c>).</summary>
    InvalidToken = 502,
}

/// <summary>The one exception of the tunnel library's public edge.</summary>
public sealed class TunnelException : IOException
{
    /// <summary>Creates the exception with a typed error and a line for a person.</summary>
    public TunnelException(TunnelError error, string message, Exception? inner = null) : base(message, inner) => Error = error;

    /// <summary>What went wrong.</summary>
    public TunnelError Error { get; }

    /// <summary>When a hub refused a link: its reason, finer than <see cref="Error"/>.</summary>
    public LinkRefusal Refusal { get; private init; }

    /// <summary>The stable code, such as <c>peer-offline</c>.</summary>
    public string Code => ToCode(Error);

    /// <summary>The stable kebab-case code of an error.</summary>
    public static string ToCode(TunnelError error) =>
        string.Concat(error.ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));

    /// <summary>The error that a refused link means.</summary>
    /// <param name="refusal">The hub's code.</param>
    /// <param name="line">The hub's line for a person; control characters are dropped.</param>
    public static TunnelException FromRefusal(LinkRefusal refusal, string line)
    {
        TunnelError error = refusal switch
        {
            LinkRefusal.UnsupportedVersion => TunnelError.UnsupportedVersion,
            LinkRefusal.ClockSkew => TunnelError.ClockSkew,
            LinkRefusal.BadSignature => TunnelError.SecurityFailure,
            LinkRefusal.NotEnrolled or LinkRefusal.InvalidToken or LinkRefusal.SpentToken or LinkRefusal.Revoked or LinkRefusal.InvalidTicket => TunnelError.NotEnrolled,
            LinkRefusal.UntrustedCertificate => TunnelError.UntrustedCertificate,
            LinkRefusal.WrongRole or LinkRefusal.NameTaken or LinkRefusal.InvalidName or LinkRefusal.UnknownHub => TunnelError.Denied,
            LinkRefusal.Busy => TunnelError.TooManyConnections,
            LinkRefusal.ShuttingDown => TunnelError.ShuttingDown,
            _ => TunnelError.ProtocolError,
        };
        string printable = new([.. line.Where(c => !char.IsControl(c))]);
        return new TunnelException(error, $"The hub refused the link ({refusal}): {printable}") { Refusal = refusal };
    }

    /// <summary>The error that a reset of a multiplexed connection means to its opener.</summary>
    public static TunnelError FromMuxReset(MuxResetReason reason) => reason switch
    {
        MuxResetReason.UnknownService => TunnelError.UnknownService,
        MuxResetReason.Denied => TunnelError.Denied,
        MuxResetReason.ServiceRefused => TunnelError.ServiceRefused,
        MuxResetReason.ServiceTimeout => TunnelError.ServiceTimeout,
        MuxResetReason.ServiceReset => TunnelError.ServiceReset,
        MuxResetReason.TooManyConnections => TunnelError.TooManyConnections,
        MuxResetReason.ShuttingDown => TunnelError.ShuttingDown,
        MuxResetReason.ProtocolError or MuxResetReason.FlowControl => TunnelError.ProtocolError,
        _ => TunnelError.Cancelled,
    };

    /// <summary>The error that a REJECT, RESET or UNREACHABLE of a session means.</summary>
    public static TunnelError FromFrameReason(FrameReason reason) => reason switch
    {
        FrameReason.UnknownMember => TunnelError.UnknownParticipant,
        FrameReason.PeerOffline => TunnelError.PeerOffline,
        FrameReason.HubUnreachable => TunnelError.HubUnreachable,
        FrameReason.Denied => TunnelError.Denied,
        FrameReason.QuotaExceeded or FrameReason.Congested => TunnelError.QuotaExceeded,
        FrameReason.UnknownSession => TunnelError.SessionLost,
        FrameReason.GraceExpired => TunnelError.GraceExpired,
        FrameReason.SecurityFailure => TunnelError.SecurityFailure,
        FrameReason.ShuttingDown or FrameReason.Normal => TunnelError.ShuttingDown,
        FrameReason.UnsupportedVersion => TunnelError.UnsupportedVersion,
        _ => TunnelError.ProtocolError,
    };
}
