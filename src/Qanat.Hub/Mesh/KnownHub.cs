using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Mesh;

/// <summary>A hub this hub trusts: configured, or introduced by a trusted one. Immutable.</summary>
/// <param name="Mid">Its mid.</param>
/// <param name="Name">The name it may use.</param>
/// <param name="Configured">True for a peer of the configuration, false for an introduced hub.</param>
/// <param name="Address">Configured mesh address.</param>
/// <param name="Record">Its newest signed record; null before the first contact.</param>
/// <param name="Encoded">That record as signed.</param>
internal sealed record KnownHub(Mid Mid, string Name, bool Configured, string? Address, HubRecord? Record, byte[]? Encoded)
{
    /// <summary>Where it may be dialled, best first.</summary>
    public IEnumerable<string> Addresses =>
        (string.IsNullOrEmpty(Address) ? [] : new[] { Address }).Concat(Record?.HubAddresses ?? []).Distinct(StringComparer.OrdinalIgnoreCase);
}
