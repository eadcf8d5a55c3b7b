using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Access;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Access;

public sealed class PeerLogLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_refused_peer_gets_a_bounded_number_of_log_lines()
    {
        PeerLogLimit limit = new(_time);
        Mid peer = MidOf(1), other = MidOf(2);
        Assert.Equal(10, Enumerable.Range(0, 100_000).Count(_ => limit.MayLog(peer)));
        _time.Advance(TimeSpan.FromMilliseconds(900));
        Assert.False(limit.MayLog(peer));
        Assert.True(limit.MayLog(other));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(3, Enumerable.Range(0, 100_000).Count(_ => limit.MayLog(peer)));
        _time.Advance(TimeSpan.FromDays(365));
        Assert.Equal(10, Enumerable.Range(0, 100_000).Count(_ => limit.MayLog(peer)));
    }

    [Fact]
    public void Ever_new_peers_neither_fill_the_memory_nor_the_log()
    {
        PeerLogLimit limit = new(_time);
        Assert.Equal(PeerLogLimit.MaxPeers, Enumerable.Range(0, 3 * PeerLogLimit.MaxPeers).Count(i => limit.MayLog(MidOf(i))));
        // Who has been quiet makes room, and gains nothing by it.
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(limit.MayLog(MidOf(-1)));
        Assert.Equal(10, Enumerable.Range(0, 100).Count(_ => limit.MayLog(MidOf(1))));
    }

    private static Mid MidOf(int n)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, n);
        return Mid.FromSubjectPublicKeyInfo(bytes);
    }
}
