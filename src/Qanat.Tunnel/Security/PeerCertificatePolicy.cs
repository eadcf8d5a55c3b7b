using System.Security.Cryptography.X509Certificates;
using Qanat.Wire;

namespace Qanat.Tunnel.Security;

/// <summary>
/// Decides on a peer's layer-2 certificate: its key must hash to the mid that the session was routed to (a hub that routes to another valid member
/// is caught here), and it must chain to the organisation CA when one is demanded. Works offline. One object per handshake.
/// </summary>
internal sealed class PeerCertificatePolicy(Mid expected, X509Certificate2Collection? organisationCa, TimeProvider time)
{
    /// <summary>Why the certificate was refused; <see cref="TunnelError.None"/> when it was accepted or not seen.</summary>
    public TunnelError Refusal { get; private set; }

    /// <summary>One line about the refusal.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>True after a certificate was accepted.</summary>
    public bool Accepted { get; private set; }

    public bool Accept(X509Certificate? certificate, X509Certificate2Collection? sentAlong)
    {
        Accepted = false;
        if (certificate is null)
        {
            return Refuse(TunnelError.SecurityFailure, "The peer sent no certificate.");
        }
        // SslStream hands out X509Certificate2 objects and owns them.
        X509Certificate2 peer = (X509Certificate2)certificate;
        Mid mid = Mid.FromSubjectPublicKeyInfo(peer.PublicKey.ExportSubjectPublicKeyInfo());
        if (mid != expected)
        {
            return Refuse(TunnelError.PeerMidMismatch, $"The tunnel was routed to {expected}, but the certificate is that of {mid}.");
        }
        if (organisationCa is not null && !ChainsToOrganisation(peer, sentAlong))
        {
            return false;
        }
        Accepted = true;
        return true;
    }

    private bool ChainsToOrganisation(X509Certificate2 peer, X509Certificate2Collection? sentAlong)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(organisationCa!);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        if (sentAlong is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(sentAlong);
        }
        bool valid = chain.Build(peer);
        foreach (X509ChainElement element in chain.ChainElements)
        {
            element.Certificate.Dispose();
        }
        return valid || Refuse(
            TunnelError.UntrustedCertificate,
            $"The certificate of {expected} does not chain to the organisation CA: {string.Join(", ", chain.ChainStatus.Select(status => status.Status))}.");
    }

    private bool Refuse(TunnelError refusal, string detail)
    {
        (Refusal, Detail) = (refusal, detail);
        return false;
    }
}
