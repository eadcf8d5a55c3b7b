using System.Security.Cryptography.X509Certificates;

namespace Qanat.Tunnel.Security;

/// <summary>Policy of layer-2 TLS. Immutable.</summary>
public sealed record LayerTwoOptions
{
    /// <summary>Roots of the organisation CA that peers' certificates must chain to; null demands only that the key is that of the mid.</summary>
    public X509Certificate2Collection? OrganisationCa { get; init; }

    /// <summary>Longest time for the TLS handshake, the wait for the peer included.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(15);
}
