namespace Qanat.Tls;

/// <summary>Whether a server asks clients for certificates.</summary>
public enum SmClientCertificateMode
{
    /// <summary>Not asked for. TLCP's ECDHE suites, which need one, are not chosen.</summary>
    None,

    /// <summary>Asked for; a client without one is let in, one with a bad one is not.</summary>
    Request,

    /// <summary>A client without a good one is refused.</summary>
    Require,
}

/// <summary>Finds the credential for the name that a client asks for. Called once per handshake; must not block.</summary>
/// <param name="serverName">server_name of the ClientHello in lower case; null when the client sent none.</param>
/// <returns>The credential, or null to refuse the name.</returns>
public delegate SmSslCredential? SmServerCredentialSelector(string? serverName);

/// <summary>What a server does with connections.</summary>
public sealed class SmSslServerAuthenticationOptions : SmSslAuthenticationOptions
{
    /// <summary>Makes options with the defaults. <see cref="Credential"/> or <see cref="CredentialSelector"/> must be set.</summary>
    public SmSslServerAuthenticationOptions()
    {
    }

    private SmSslServerAuthenticationOptions(SmSslServerAuthenticationOptions other) : base(other)
    {
        (Credential, CredentialSelector, ClientCertificateMode) = (other.Credential, other.CredentialSelector, other.ClientCertificateMode);
        TicketKeys = other.TicketKeys;
        EnabledProtocols = [.. other.EnabledProtocols];
    }

    /// <summary>The server's certificates and keys, for every name that <see cref="CredentialSelector"/> does not decide on.</summary>
    public SmSslCredential? Credential { get; set; }

    /// <summary>Finds certificates by the name asked for; null: <see cref="Credential"/> is for all. When both are set and this one returns null, the client is refused.</summary>
    public SmServerCredentialSelector? CredentialSelector { get; set; }

    /// <summary>Protocols that are spoken; the client's hello decides between them. Default both.</summary>
    public IReadOnlyList<SmProtocol> EnabledProtocols { get; set; } = [SmProtocol.Tlcp, SmProtocol.Tls13];

    /// <summary>Whether clients are asked for certificates. Default <see cref="SmClientCertificateMode.None"/>.</summary>
    public SmClientCertificateMode ClientCertificateMode { get; set; }

    /// <summary>Seals sessions of TLS 1.3 into tickets and opens them again; null: no tickets are given and none are taken.</summary>
    public SmTicketKeys? TicketKeys { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (Credential is null && CredentialSelector is null)
        {
            throw Invalid(nameof(Credential), $"is null; set the server's certificates and keys, or {nameof(CredentialSelector)}");
        }
        if (EnabledProtocols is null || EnabledProtocols.Count == 0 || EnabledProtocols.Any(p => p is not (SmProtocol.Tlcp or SmProtocol.Tls13)))
        {
            throw Invalid(nameof(EnabledProtocols), "must hold Tlcp, Tls13 or both");
        }
        if (!Enum.IsDefined(ClientCertificateMode))
        {
            throw Invalid(nameof(ClientCertificateMode), $"is {ClientCertificateMode}; set None, Request or Require");
        }
        if (ClientCertificateMode != SmClientCertificateMode.None && Trust is null && RemoteCertificateValidationCallback is null)
        {
            throw Invalid(nameof(Trust), $"is null, so no client could be believed; set the authorities to trust, or {nameof(RemoteCertificateValidationCallback)} to decide by yourself");
        }
        foreach (SmProtocol protocol in EnabledProtocols)
        {
            RequireSuiteOf(protocol);
        }
        if (EnabledProtocols.Contains(SmProtocol.Tlcp))
        {
            ValidateTlcp();
        }
    }

    /// <summary>A copy that can be changed apart. Credentials, stores and caches in it are the same objects.</summary>
    public SmSslServerAuthenticationOptions Clone() => new(this);

    internal SmSslServerAuthenticationOptions Snapshot()
    {
        SmSslServerAuthenticationOptions copy = Clone();
        copy.Validate();
        return copy;
    }

    private void ValidateTlcp()
    {
        if (CredentialSelector is null && !Credential!.IsPair)
        {
            throw Invalid(nameof(Credential), $"has no encryption certificate, which TLCP needs; add it with its key, or set {nameof(EnabledProtocols)} to Tls13");
        }
        if (ClientCertificateMode == SmClientCertificateMode.None && CipherSuites is not null
            && CipherSuites.Where(s => s.Protocol() == SmProtocol.Tlcp).All(s => s.IsEcdhe()))
        {
            throw Invalid(nameof(ClientCertificateMode), "is None, but ECDHE suites of TLCP need client certificates; set Require, or add an ECC suite");
        }
    }
}
