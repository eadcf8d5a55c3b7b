using Qanat.Tunnel.Links;

namespace Qanat.Hub.Mesh;

/// <summary>Makes an authenticated link to another hub.</summary>
internal interface IHubDialer
{
    /// <summary>Dials one address of a hub and demands that it proves the hub's mid. The link is not started.</summary>
    Task<Link> DialAsync(KnownHub hub, string address, CancellationToken cancellationToken);
}
