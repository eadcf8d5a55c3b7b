using System.Net;
using System.Security.Cryptography;
using Qanat.Tunnel.Links;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Links;

public sealed class LinkTests
{
    private static LinkListenerOptions Options(LinkKind kind) => new()
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        Kind = kind,
        PeerRole = kind == LinkKind.Tcp ? LinkRole.Hub : LinkRole.Node,
    };

    [Theory]
    [InlineData(LinkKind.WebSocket)]
    [InlineData(LinkKind.Tcp)]
    public async Task Frames_of_every_size_pass_both_ways_unchanged(LinkKind kind)
    {
        await using LinkWorld world = new(Options(kind));
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        Assert.Equal(world.Hub.Mid, dialed.Link.PeerMid);
        Assert.Equal(world.Node.Mid, accepted.Link.PeerMid);
        Assert.Equal(LinkRole.Hub, dialed.Link.PeerRole);
        Assert.Equal("hospital-a", dialed.Welcome.ParticipantName);
        RecordingHandler atNode = new();
        RecordingHandler atHub = new();
        dialed.Link.Start(atNode, null);
        accepted.Link.Start(atHub, null);
        int[] sizes = [0, 1, 2, 3, 73, 74, 125, 126, 127, 4043, 4044, 4045, 16376, 65483, 65484, 65485, 65535, 65536];
        foreach (int size in sizes)
        {
            byte[] payload = RandomNumberGenerator.GetBytes(size);
            Assert.True(dialed.Link.TrySend(world.FromNode(offset: (ulong)size), payload));
            Assert.True(accepted.Link.TrySend(world.FromHub(offset: (ulong)size), payload));
            (FrameHeader header, byte[] body) = await atHub.NextAsync();
            Assert.Equal(world.FromNode(offset: (ulong)size), header);
            Assert.Equal(payload, body);
            (header, body) = await atNode.NextAsync();
            Assert.Equal(world.FromHub(offset: (ulong)size), header);
            Assert.Equal(payload, body);
        }
        await dialed.Link.DisposeAsync();
        Assert.Equal(LinkCloseCause.Remote, (await accepted.Link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
        Assert.Equal(LinkCloseCause.Local, (await dialed.Link.Completion).Cause);
    }
}
