using Qanat.Hub.Mesh;
using Qanat.Tunnel;
using Qanat.Tunnel.Links;

namespace Qanat.Hub.Hosting;

/// <summary>Dials hubs over TCP.</summary>
internal sealed class LinkHubDialer(LinkDialer dialer) : IHubDialer
{
    public async Task<Link> DialAsync(KnownHub hub, string address, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || uri.Scheme != "tcp")
        {
            throw new TunnelException(TunnelError.InvalidAddress, "Not a tcp:// address.");
        }
        DialedLink dialed = await dialer.DialAsync(
            new LinkTarget { Address = uri, ExpectedMid = hub.Mid }, new LinkIntroduction { Role = LinkRole.Hub }, cancellationToken);
        return dialed.Link;
    }
}
