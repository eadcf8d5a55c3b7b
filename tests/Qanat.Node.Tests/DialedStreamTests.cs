using Qanat.Node.Http;
using Qanat.Node.Tests.Fakes;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Node.Tests;

public sealed class DialedStreamTests
{
    [Fact]
    public async Task A_refusal_that_comes_before_the_first_write_is_not_taken_for_a_broken_connection()
    {
        FakeNetwork network = new();
        (FakeConnection opener, FakeConnection target) = FakeConnection.Pair(network.Add("alice"), network.Add("bob"), "closed");
        await using DialedStream stream = new(opener);
        target.Reset(MuxResetReason.Denied);
        PeerRefusedException refused = await Assert.ThrowsAsync<PeerRefusedException>(() => stream.WriteAsync(new byte[] { 1 }, TestContext.Current.CancellationToken).AsTask());
        Assert.Equal(TunnelError.Denied, Assert.IsType<TunnelException>(refused.InnerException).Error);
    }

    [Fact]
    public async Task A_connection_that_the_peer_only_broke_stays_one_that_may_be_tried_again()
    {
        FakeNetwork network = new();
        (FakeConnection opener, FakeConnection target) = FakeConnection.Pair(network.Add("alice"), network.Add("bob"), "web");
        await using DialedStream stream = new(opener);
        target.Reset(MuxResetReason.ServiceReset);
        await Assert.ThrowsAnyAsync<IOException>(() => stream.WriteAsync(new byte[] { 1 }, TestContext.Current.CancellationToken).AsTask());
    }
}
