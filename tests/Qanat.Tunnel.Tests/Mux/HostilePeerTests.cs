using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Mux;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Tests.Mux;

public sealed class HostilePeerTests
{
    private static readonly Acceptor s_neverReads = new(connection => Task.Delay(Timeout.Infinite, connection.ConnectionClosed));

    [Theory]
    [InlineData(MuxFrameType.Data, 1u, 5)]
    [InlineData(MuxFrameType.Window, 2u, 4)]
    [InlineData(MuxFrameType.Fin, 7u, 0)]
    [InlineData(MuxFrameType.Open, 2u, 5)]
    [InlineData(MuxFrameType.GoAway, 0u, 3)]
    [InlineData(MuxFrameType.None, 1u, 0)]
    public async Task A_broken_protocol_ends_the_tunnel_with_a_typed_error(MuxFrameType type, uint id, int length)
    {
        await using RawPeer peer = new(Acceptor.Echo);
        await peer.SendAsync(RawPeer.Frame(type, id, new byte[length]));
        await peer.Session.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.ProtocolError, peer.Session.Error!.Error);
    }

    [Fact]
    public async Task An_oversize_frame_ends_the_tunnel_before_its_payload_comes()
    {
        await using RawPeer peer = new(Acceptor.Echo);
        await peer.SendAsync([2, 0, 0xff, 0xff, 0, 0, 0, 1]);
        await peer.Session.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.ProtocolError, peer.Session.Error!.Error);
    }

    [Fact]
    public async Task Data_beyond_the_credit_resets_that_connection_and_the_others_live()
    {
        TunnelException? seen = null;
        TaskCompletionSource done = new();
        await using RawPeer peer = new(new Acceptor(async connection =>
        {
            if (connection.Features.Get<ITunnelPeerFeature>()!.Service == "s")
            {
                await Task.Delay(Timeout.Infinite, connection.ConnectionClosed).ContinueWith(_ => { }, TaskScheduler.Default);
                seen = await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(connection.Transport.Input));
                done.SetResult();
            }
            else
            {
                await connection.Transport.Input.CopyToAsync(connection.Transport.Output);
            }
        }));
        await peer.SendAsync(RawPeer.Opening(1), RawPeer.Frame(MuxFrameType.Open, 3, [1, (byte)'e', 42]));
        byte[] frame = RawPeer.Frame(MuxFrameType.Data, 1, new byte[16000]);
        for (int sent = 0; sent <= MuxLimits.InitialWindow; sent += 16000)
        {
            await peer.SendAsync(frame);
        }
        (MuxFrameHeader header, byte[] payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
        Assert.Equal(1u, header.ConnectionId);
        Assert.Equal((byte)MuxResetReason.FlowControl, payload[0]);
        await done.Task.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.ProtocolError, seen!.Error);
        await peer.SendAsync(RawPeer.Frame(MuxFrameType.Data, 1, 1), RawPeer.Frame(MuxFrameType.Data, 3, 43));
        Assert.Equal(3u, (await peer.ReceiveAsync(MuxFrameType.Data)).Header.ConnectionId);
        Assert.Null(peer.Session.Error);
    }

    [Fact]
    public async Task A_window_overflow_resets_that_connection()
    {
        await using RawPeer peer = new(Acceptor.Echo);
        await peer.SendAsync(RawPeer.Opening(1), RawPeer.Frame(MuxFrameType.Window, 1, 0xff, 0xff, 0xff, 0xff));
        (MuxFrameHeader header, byte[] payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
        Assert.Equal((1u, (byte)MuxResetReason.FlowControl), (header.ConnectionId, payload[0]));
    }

    [Fact]
    public async Task Rapid_open_and_reset_is_charged_to_the_opener()
    {
        // Time stands still: what is allowed per second does not come on top of the burst while the machine is busy.
        MuxOptions options = new() { Limits = new MuxLimits { RapidResetBurst = 50, RapidResetsPerSecond = 10 } };
        await using RawPeer peer = new(new Acceptor(connection => MuxSessionTests.ReadAllAsync(connection.Transport.Input)), options, new FakeTimeProvider());
        Task drain = Task.Run(async () =>
        {
            while (await peer.ReceiveAsync() is not null)
            {
            }
        });
        uint id = 1;
        try
        {
            for (; id < 200_000 && !peer.Session.Completion.IsCompleted; id += 2)
            {
                await peer.SendAsync(RawPeer.Opening(id, 1, 2, 3), RawPeer.Frame(MuxFrameType.Reset, id, 1));
            }
        }
        catch (InvalidOperationException)
        {
            // The session has closed the stream.
        }
        await peer.Session.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.ProtocolError, peer.Session.Error!.Error);
        Assert.Equal(51, peer.Session.AcceptedCount);
        Assert.Equal(0, peer.Session.ConnectionCount);
        await drain;
    }

    [Fact]
    public async Task More_connections_than_allowed_are_refused()
    {
        MuxOptions options = new() { Limits = new MuxLimits { MaxInboundConnections = 3 } };
        await using RawPeer peer = new(s_neverReads, options);
        for (uint id = 1; id <= 9; id += 2)
        {
            await peer.SendAsync(RawPeer.Opening(id));
        }
        for (uint id = 7; id <= 9; id += 2)
        {
            (MuxFrameHeader header, byte[] payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
            Assert.Equal((id, (byte)MuxResetReason.TooManyConnections), (header.ConnectionId, payload[0]));
        }
        Assert.Equal(3, peer.Session.ConnectionCount);
    }

    [Fact]
    public async Task Handlers_of_closed_connections_count_until_they_end()
    {
        TaskCompletionSource end = new();
        MuxOptions options = new() { Limits = new MuxLimits { MaxInboundConnections = 3 } };
        await using RawPeer peer = new(new Acceptor(_ => end.Task), options);
        for (uint id = 1; id <= 9; id += 2)
        {
            await peer.SendAsync(RawPeer.Opening(id), RawPeer.Frame(MuxFrameType.Fin, id), RawPeer.Frame(MuxFrameType.Reset, id, 1));
        }
        (MuxFrameHeader header, byte[] payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
        Assert.Equal((7u, (byte)MuxResetReason.TooManyConnections), (header.ConnectionId, payload[0]));
        Assert.Equal(0, peer.Session.ConnectionCount);
        Assert.Equal(3, peer.Session.AcceptedCount);
        end.SetResult();
        for (uint id = 11; peer.Session.AcceptedCount == 3; id += 2)
        {
            await peer.SendAsync(RawPeer.Opening(id));
            // One answer for each, so that the next comes after the handlers had their turn.
            await peer.ReceiveAsync();
        }
    }

    [Fact]
    public async Task A_peer_that_reads_nothing_and_causes_refusals_is_cut_off()
    {
        MuxOptions options = new() { Limits = new MuxLimits { MaxPendingRefusals = 100 }, CloseTimeout = TimeSpan.FromMilliseconds(50) };
        await using RawPeer peer = new(new Acceptor(_ => Task.CompletedTask, _ => MuxResetReason.Denied), options, buffer: 1024);
        Task send = Task.Run(async () =>
        {
            try
            {
                for (uint id = 1; id < 2_000_000; id += 2)
                {
                    await peer.SendAsync(RawPeer.Opening(id));
                }
            }
            catch (InvalidOperationException)
            {
            }
        });
        await peer.Session.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.ProtocolError, peer.Session.Error!.Error);
    }

    [Fact]
    public async Task An_acceptor_that_throws_has_not_allowed_anything()
    {
        await using RawPeer peer = new(new Acceptor(_ => Task.CompletedTask, _ => throw new InvalidOperationException("broken rule")));
        await peer.SendAsync(RawPeer.Opening(1));
        Assert.Equal((byte)MuxResetReason.Denied, (await peer.ReceiveAsync(MuxFrameType.Reset)).Payload[0]);
    }

    [Fact]
    public async Task Authorisation_is_asked_at_every_open()
    {
        int asked = 0;
        await using RawPeer peer = new(new Acceptor(
            async connection => await connection.Transport.Output.CompleteAsync(),
            _ => ++asked == 2 ? MuxResetReason.Denied : MuxResetReason.None));
        await peer.SendAsync(RawPeer.Opening(1), RawPeer.Opening(3), RawPeer.Opening(5));
        (MuxFrameHeader header, byte[] payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
        while (header.ConnectionId != 3)
        {
            (header, payload) = await peer.ReceiveAsync(MuxFrameType.Reset);
        }
        Assert.Equal((byte)MuxResetReason.Denied, payload[0]);
        // The refusal of the second may be here before the third is looked at.
        await FlowControlTests.UntilAsync(() => asked == 3 && peer.Session.AcceptedCount == 2);
    }
}
