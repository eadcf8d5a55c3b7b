using Qanat.Tls.Certificates;

namespace Qanat.Tls;

/// <summary>What a client wants of a connection.</summary>
public sealed class SmSslClientAuthenticationOptions : SmSslAuthenticationOptions
{
    /// <summary>Makes options with the defaults. <see cref="TargetHost"/> and <see cref="SmSslAuthenticationOptions.Trust"/> must be set.</summary>
    public SmSslClientAuthenticationOptions()
    {
    }

    private SmSslClientAuthenticationOptions(SmSslClientAuthenticationOptions other) : base(other)
    {
        (TargetHost, Protocol, ClientCredential) = (other.TargetHost, other.Protocol, other.ClientCredential);
        (PeerName, PeerDialects, TlcpDialect) = (other.PeerName, other.PeerDialects, other.TlcpDialect);
        (Tickets, MiddleboxCompatibility) = (other.Tickets, other.MiddleboxCompatibility);
    }

    /// <summary>
    /// The server: its certificates must be for this name or IP address, and a name is sent as server_name. Null: no name is sent, and
    /// <see cref="SmSslAuthenticationOptions.RemoteCertificateValidationCallback"/> must decide whose certificates are right.
    /// </summary>
    public string? TargetHost { get; set; }

    /// <summary>TLCP or TLS 1.3; a client hello is of one of them. Default <see cref="SmProtocol.Tls13"/>.</summary>
    public SmProtocol Protocol { get; set; } = SmProtocol.Tls13;

    /// <summary>Shown to servers that ask; TLCP's ECDHE suites need one with an encryption certificate. Null: none.</summary>
    public SmSslCredential? ClientCredential { get; set; }

    /// <summary>What the server is remembered by, its sessions and its dialect: <c>host:port</c> as a rule. Null: <see cref="TargetHost"/>.</summary>
    public string? PeerName { get; set; }

    /// <summary>Where the dialects of servers are learned: after a failed connection the next one may speak another form. Null: the standard is always spoken.</summary>
    public SmPeerDialects? PeerDialects { get; set; } = SmPeerDialects.Shared;

    /// <summary>The dialect of a server that is known to have one; null: as learned.</summary>
    public SmTlcpDialect? TlcpDialect { get; set; }

    /// <summary>Where tickets of TLS 1.3 servers are kept to resume their sessions; null: nowhere.</summary>
    public SmTicketStore? Tickets { get; set; }

    /// <summary>
    /// Whether a TLS 1.3 handshake is made to look like TLS 1.2 for devices on the way that know nothing newer (RFC 8446 appendix D.4). Default true; GmSSL's servers with
    /// client certificates take only false, which <see cref="PeerDialects"/> learns.
    /// </summary>
    public bool MiddleboxCompatibility { get; set; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (Protocol is not (SmProtocol.Tlcp or SmProtocol.Tls13))
        {
            throw Invalid(nameof(Protocol), $"is {Protocol}; set Tlcp or Tls13");
        }
        if (TargetHost is not null && (TargetHost.Contains('*', StringComparison.Ordinal) || !SmHostName.IsValid(TargetHost)))
        {
            throw Invalid(nameof(TargetHost), $"is '{TargetHost}', which is neither a host name nor an IP address; set the name in the server's certificates");
        }
        if (Trust is null && RemoteCertificateValidationCallback is null)
        {
            throw Invalid(nameof(Trust), $"is null, so no server could be believed; set the authorities to trust, or {nameof(RemoteCertificateValidationCallback)} to decide by yourself");
        }
        if (TargetHost is null && RemoteCertificateValidationCallback is null)
        {
            throw Invalid(nameof(TargetHost), $"is null, so any server of a trusted authority would do; set the server's name, or {nameof(RemoteCertificateValidationCallback)} to decide by yourself");
        }
        RequireSuiteOf(Protocol);
        if (Protocol == SmProtocol.Tlcp && CipherSuites is not null && ClientCredential?.IsPair != true
            && CipherSuites.Where(s => s.Protocol() == SmProtocol.Tlcp).All(s => s.IsEcdhe()))
        {
            throw Invalid(nameof(ClientCredential), "must hold a signing and an encryption certificate, since all suites are ECDHE; set such a credential, or add an ECC suite");
        }
    }

    /// <summary>A copy that can be changed apart. Credentials, stores and caches in it are the same objects.</summary>
    public SmSslClientAuthenticationOptions Clone() => new(this);

    internal SmSslClientAuthenticationOptions Snapshot()
    {
        SmSslClientAuthenticationOptions copy = Clone();
        copy.Validate();
        return copy;
    }
}
