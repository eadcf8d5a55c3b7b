using Qanat.Wire;

namespace Qanat.Tunnel.Access;

/// <summary>Finds the mid that owns a participant name.</summary>
public interface IPeerDirectory
{
    /// <summary>The mid of a participant, as the hubs know it.</summary>
    /// <exception cref="TunnelException">The name is unknown or the hub unreachable.</exception>
    ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken);
}
