using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Testing;

/// <summary>
/// Two <see cref="Link"/> ends joined in memory, with the same push and pull rules as real links, real back-pressure
/// (a slow handler stops the other end's pulling), and a fault hook for each frame. Heartbeats are not sent.
/// </summary>
public sealed class InMemoryLinkPair : IAsyncDisposable
{
    private readonly InMemoryLink _left;
    private readonly InMemoryLink _right;

    /// <summary>Joins two mids.</summary>
    /// <param name="leftMid">Mid of the left end.</param>
    /// <param name="rightMid">Mid of the right end.</param>
    /// <param name="leftRole">What the left end is.</param>
    /// <param name="rightRole">What the right end is.</param>
    /// <param name="fault">Decides each frame's fate; null passes all.</param>
    /// <param name="queueBytes">Bound of each end's <see cref="Link.TrySend"/> queue.</param>
    /// <param name="wireBytes">Bytes that may be under way in each direction before the sender's pulling stops.</param>
    public InMemoryLinkPair(
        Mid leftMid, Mid rightMid, LinkRole leftRole = LinkRole.Node, LinkRole rightRole = LinkRole.Node,
        FrameFault? fault = null, int queueBytes = 1 << 20, int wireBytes = 1 << 20)
    {
        _left = new InMemoryLink(leftMid, rightMid, rightRole, queueBytes, wireBytes);
        _right = new InMemoryLink(rightMid, leftMid, leftRole, queueBytes, wireBytes);
        _left.Join(_right, fromLeft: true, fault);
        _right.Join(_left, fromLeft: false, fault);
    }

    /// <summary>The left end.</summary>
    public Link Left => _left;

    /// <summary>The right end.</summary>
    public Link Right => _right;

    /// <summary>Cuts the wire: frames under way are lost, both ends see <paramref name="cause"/>.</summary>
    public void Cut(LinkCloseCause cause = LinkCloseCause.TransportFailed)
    {
        _left.End(new LinkClosed(cause, "The test cut the wire."));
        _right.End(new LinkClosed(cause, "The test cut the wire."));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _left.DisposeAsync();
        await _right.DisposeAsync();
    }
}
