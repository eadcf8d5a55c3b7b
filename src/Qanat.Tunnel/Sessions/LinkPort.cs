using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Sessions;

/// <summary>The place where one link is plugged into a <see cref="SessionTable"/>. Frames of a link that was replaced are still taken in; nothing goes out on it.</summary>
internal sealed class LinkPort(SessionTable table, Link link) : ILinkHandler, IFrameSource
{
    public Link Link => link;

    public void OnFrame(Link from, in FrameHeader header, ReadOnlySpan<byte> payload) => table.OnFrame(from, header, payload);

    public ValueTask OnBatchAsync(Link from, int wireBytes) => ValueTask.CompletedTask;

    public bool Fill(IFrameWriter writer) => table.Fill(writer, this);
}
