using Qanat.Wire.Mux;

namespace Qanat.Wire.Tests.Mux;

public sealed class MuxCoreTests
{
    private static (PureMux Client, PureMux Server) Pair(MuxLimits? limits = null) => (new(true, limits), new(false, limits));

    private static void Exchange(PureMux one, PureMux two)
    {
        for (int i = 0; i < 6; i++)
        {
            Assert.NotEqual(MuxSignal.Fault, two.Feed(one.Fill(100)));
            Assert.NotEqual(MuxSignal.Fault, one.Feed(two.Fill(100)));
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("a", true)]
    [InlineData("ünïcödé", true)]
    public void Names_are_strict_utf8_of_1_to_63_bytes(string name, bool valid)
    {
        Assert.Equal(valid, MuxOpen.TryEncodeName(name, out byte[]? utf8));
        if (valid)
        {
            Assert.True(MuxOpen.TryRead([(byte)utf8!.Length, .. utf8, 1, 2], out ReadOnlySpan<byte> read, out ReadOnlySpan<byte> first));
            Assert.Equal(name, MuxOpen.DecodeName(read));
            Assert.Equal([1, 2], first.ToArray());
        }
        Assert.True(MuxOpen.TryEncodeName(new string('x', 63), out _));
        Assert.False(MuxOpen.TryEncodeName(new string('x', 64), out _));
        Assert.False(MuxOpen.TryEncodeName(new string('\ud800', 1), out _));
        Assert.False(MuxOpen.TryRead([2, 0xc3, 0x28], out _, out _));
        Assert.False(MuxOpen.TryRead([3, 1, 2], out _, out _));
        Assert.False(MuxOpen.TryRead([64, .. new byte[64]], out _, out _));
    }

    [Theory]
    [InlineData(MuxFrameType.Data)]
    [InlineData(MuxFrameType.Window)]
    [InlineData(MuxFrameType.Fin)]
    [InlineData(MuxFrameType.Reset)]
    public void A_frame_for_an_id_never_opened_ends_the_tunnel(MuxFrameType type)
    {
        PureMux server = new(false);
        byte[] payload = type switch { MuxFrameType.Window => [0, 0, 0, 1], MuxFrameType.Fin => [], _ => [1] };
        Assert.Equal(MuxSignal.Fault, server.Feed(PureMux.Frame(type, 1, payload)));
        Assert.Equal(MuxFault.NeverOpened, server.Core.Fault);
        PureMux client = new(true);
        Assert.Equal(MuxSignal.Fault, client.Feed(PureMux.Frame(type, 1, payload)));
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(4u)]
    public void An_open_of_the_wrong_side_ends_the_tunnel(uint id)
    {
        PureMux server = new(false);
        Assert.Equal(MuxSignal.Fault, server.Feed(PureMux.Opening(id)));
        Assert.Equal(MuxFault.BadId, server.Core.Fault);
    }

    [Fact]
    public void An_id_cannot_be_used_twice_or_backwards()
    {
        PureMux server = new(false);
        Assert.Equal(MuxSignal.None, server.Feed(PureMux.Opening(5)));
        Assert.Equal(MuxSignal.Fault, server.Feed(PureMux.Opening(3)));
        server = new(false);
        server.Feed(PureMux.Opening(5));
        server.Feed(PureMux.Frame(MuxFrameType.Reset, 5, 1));
        Assert.Equal(MuxSignal.Fault, server.Feed(PureMux.Opening(5)));
    }

    [Fact]
    public void Late_frames_of_a_closed_connection_are_dropped()
    {
        (PureMux client, PureMux server) = Pair();
        PureMux.End end = client.Open("s")!;
        client.Write(end, new byte[100]);
        Exchange(client, server);
        server.Core.Reset(server.Ends[0].Channel, MuxResetReason.Denied);
        Exchange(client, server);
        Assert.Equal(MuxResetReason.Denied, end.Reset);
        foreach (byte[] late in new byte[][]
        {
            PureMux.Frame(MuxFrameType.Data, 1, 1, 2, 3), PureMux.Frame(MuxFrameType.Window, 1, 0, 0, 0, 1),
            PureMux.Frame(MuxFrameType.Fin, 1), PureMux.Frame(MuxFrameType.Reset, 1, 1),
        })
        {
            Assert.Equal(MuxSignal.None, server.Feed(late));
        }
        Assert.Equal(100, server.Ends[0].Received.Count);
    }

    [Fact]
    public void Data_beyond_the_credit_resets_the_connection_only()
    {
        PureMux server = new(false);
        server.Feed(PureMux.Opening(1));
        server.Feed(PureMux.Opening(3));
        for (int sent = 0; sent < MuxLimits.InitialWindow; sent += 8192)
        {
            server.Feed(PureMux.Frame(MuxFrameType.Data, 1, new byte[8192]));
        }
        Assert.Null(server.Ends[0].Reset);
        Assert.Equal(MuxSignal.None, server.Feed(PureMux.Frame(MuxFrameType.Data, 1, 1)));
        Assert.Equal(MuxResetReason.FlowControl, server.Ends[0].Reset);
        Assert.Null(server.Ends[1].Reset);
        Assert.Equal(PureMux.Frame(MuxFrameType.Reset, 1, (byte)MuxResetReason.FlowControl), server.Fill(1));
    }

    [Theory]
    [InlineData(0u, MuxResetReason.ProtocolError)]
    [InlineData(uint.MaxValue, MuxResetReason.FlowControl)]
    [InlineData(0x7fffffffu, MuxResetReason.FlowControl)]
    public void A_window_of_nothing_or_too_much_resets_the_connection(uint bytes, MuxResetReason reason)
    {
        PureMux server = new(false);
        server.Feed(PureMux.Opening(1));
        server.Feed(PureMux.Frame(MuxFrameType.Window, 1, (byte)(bytes >> 24), (byte)(bytes >> 16), (byte)(bytes >> 8), (byte)bytes));
        Assert.Equal(reason, server.Ends[0].Reset);
    }

    [Theory]
    [InlineData(MuxFrameType.Data)]
    [InlineData(MuxFrameType.Fin)]
    public void Nothing_may_follow_fin(MuxFrameType type)
    {
        PureMux server = new(false);
        server.Feed(PureMux.Opening(1));
        server.Feed(PureMux.Frame(MuxFrameType.Fin, 1));
        server.Feed(PureMux.Frame(type, 1, type == MuxFrameType.Data ? [1] : []));
        Assert.Equal(MuxResetReason.ProtocolError, server.Ends[0].Reset);
    }

    [Fact]
    public void The_window_doubles_when_drained_within_two_round_trips_and_not_when_slow()
    {
        Assert.Equal(new MuxLimits().MaxWindow, Drain(readerDelay: 0, cap: 256 << 20));
        Assert.Equal(MuxLimits.InitialWindow, Drain(readerDelay: TimeSpan.TicksPerSecond, cap: 256 << 20));
        // The cap of the tunnel: it may double once, twice, and then no more.
        Assert.InRange(Drain(readerDelay: 0, cap: 3 << 20), 512 * 1024, 3 << 20);

        static int Drain(long readerDelay, long cap)
        {
            MuxLimits limits = new() { TunnelMemoryMaxBytes = cap };
            (PureMux client, PureMux server) = Pair(limits);
            PureMux.End end = client.Open("s")!;
            const long RoundTrip = 40 * TimeSpan.TicksPerMillisecond;
            for (int i = 0; i < 40; i++)
            {
                client.Write(end, new byte[end.Channel.SendCredit]);
                server.Now += RoundTrip;
                server.Feed(client.Fill(2000));
                server.Now += readerDelay;
                server.Consume(server.Ends[0], int.MaxValue);
                client.Feed(server.Fill(10));
            }
            return server.Ends[0].Channel.WindowSize;
        }
    }

    [Fact]
    public void Above_the_memory_cap_windows_fall_back_and_far_above_it_connections_are_reset()
    {
        MuxLimits limits = new() { TunnelMemoryMaxBytes = 1 << 20 };
        PureMux server = new(false, limits);
        for (uint i = 0; i < 16; i++)
        {
            server.Feed(PureMux.Opening((2 * i) + 1));
            for (int sent = 0; sent < MuxLimits.InitialWindow; sent += 16384)
            {
                server.Feed(PureMux.Frame(MuxFrameType.Data, (2 * i) + 1, new byte[16376]));
            }
            Assert.InRange(server.Core.UnreadBytes, 0, (2 << 20) + 16376);
        }
        Assert.Contains(server.Ends, e => e.Reset == MuxResetReason.TooManyConnections);
        Assert.Contains(server.Ends, e => e.Reset is null);
        // Those that are left can be read, and carry on with the start window.
        PureMux.End end = server.Ends.First(e => e.Reset is null);
        server.Consume(end, int.MaxValue);
        Assert.NotEmpty(server.Fill(0));
        Assert.Equal(MuxLimits.InitialWindow, end.Channel.WindowSize);
    }

    [Fact]
    public void Rapid_resets_are_refused_then_end_the_tunnel_and_recover_with_time()
    {
        MuxLimits limits = new() { RapidResetBurst = 10, RapidResetsPerSecond = 10 };
        PureMux server = new(false, limits);
        uint id = 1;
        int served = 0;
        MuxSignal signal = MuxSignal.None;
        for (; id < 10_000 && signal != MuxSignal.Fault; id += 2)
        {
            int before = server.Ends.Count;
            signal = server.Feed([.. PureMux.Opening(id), .. PureMux.Frame(MuxFrameType.Reset, id, 1)]);
            served += server.Ends.Count - before;
            server.Fill(0);
        }
        Assert.Equal(MuxFault.RapidReset, server.Core.Fault);
        Assert.Equal(11, served);
        Assert.InRange(id, 100u, 400u);

        server = new(false, limits);
        for (id = 1; id < 41; id += 2)
        {
            server.Feed([.. PureMux.Opening(id), .. PureMux.Frame(MuxFrameType.Reset, id, 1)]);
        }
        server.Now += 10 * TimeSpan.TicksPerSecond;
        server.Feed(PureMux.Opening(id));
        Assert.Equal(id, server.Ends[^1].Channel.Id);
    }

    [Fact]
    public void A_served_connection_that_is_reset_costs_nothing()
    {
        MuxLimits limits = new() { RapidResetBurst = 5, RapidResetsPerSecond = 1 };
        PureMux server = new(false, limits);
        for (uint id = 1; id < 400; id += 2)
        {
            server.Feed(PureMux.Opening(id));
            server.Write(server.Ends[^1], [1]);
            server.Fill(1);
            Assert.NotEqual(MuxSignal.Fault, server.Feed(PureMux.Frame(MuxFrameType.Reset, id, 1)));
        }
        Assert.Equal(200, server.Ends.Count);
    }

    [Fact]
    public void Opens_per_second_are_limited()
    {
        PureMux server = new(false, new MuxLimits { MaxOpensPerSecond = 10 });
        for (uint id = 1; id < 61; id += 2)
        {
            server.Feed(PureMux.Opening(id));
        }
        Assert.Equal(10, server.Ends.Count);
        server.Now += TimeSpan.TicksPerSecond / 2;
        for (uint id = 61; id < 121; id += 2)
        {
            server.Feed(PureMux.Opening(id));
        }
        Assert.Equal(15, server.Ends.Count);
    }

    [Fact]
    public void A_peer_that_does_not_read_its_refusals_is_cut_off()
    {
        PureMux server = new(false, new MuxLimits { MaxPendingRefusals = 100 }) { Authorize = _ => MuxResetReason.Denied };
        MuxSignal signal = MuxSignal.None;
        uint id = 1;
        for (; signal != MuxSignal.Fault && id < 1000; id += 2)
        {
            signal = server.Feed(PureMux.Opening(id));
        }
        Assert.Equal(MuxFault.TooManyRefusals, server.Core.Fault);
        Assert.Equal(203u, id);
    }

    [Fact]
    public void Ids_end_at_the_bound_with_goaway_and_the_last_connections_carry_on()
    {
        PureMux client = new(true, alreadyOpened: MuxLimits.MaxOpens - 2), server = new(false, alreadyOpened: MuxLimits.MaxOpens - 2);
        PureMux.End first = client.Open("a")!, last = client.Open("b")!;
        Assert.Null(client.Open("c"));
        client.Write(first, [1], finish: true);
        client.Write(last, [2]);
        Exchange(client, server);
        Assert.Equal(0xfffffffdu, last.Channel.Id);
        Assert.True(server.Core.IsDraining);
        Assert.Null(server.Open("from the other side"));
        Assert.Equal([1], server.Ends[0].Received);
        server.Write(server.Ends[0], [3], finish: true);
        Assert.False(client.Core.IsDrained);
        client.Write(last, [4], finish: true);
        server.Write(server.Ends[1], [5], finish: true);
        Exchange(client, server);
        Assert.Equal([2, 4], server.Ends[1].Received);
        Assert.Equal([5], last.Received);
        Assert.True(client.Core.IsDrained && server.Core.IsDrained);
    }

    [Fact]
    public void Goaway_fails_what_was_not_served_and_keeps_the_rest()
    {
        (PureMux client, PureMux server) = Pair();
        PureMux.End served = client.Open("s")!;
        Exchange(client, server);
        PureMux.End onTheWay = client.Open("late")!;
        byte[] late = client.Fill(1);
        server.Core.GoAway();
        PureMux.End unsent = client.Open("unsent")!;
        client.Feed(server.Fill(1));
        Assert.Equal(MuxResetReason.ShuttingDown, onTheWay.Reset);
        Assert.Equal(MuxResetReason.ShuttingDown, unsent.Reset);
        Assert.NotEqual(MuxSignal.Fault, server.Feed(late));
        Assert.Single(server.Ends);
        client.Write(served, [1], finish: true);
        server.Write(server.Ends[0], [2], finish: true);
        Exchange(client, server);
        Assert.Equal([2], served.Received);
        Assert.True(client.Core.IsDrained && server.Core.IsDrained);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    public void Goaway_may_not_invent_ids(uint id)
    {
        PureMux client = new(true);
        Assert.Equal(MuxSignal.Fault, client.Feed(PureMux.Frame(MuxFrameType.GoAway, 0, 0, 0, 0, (byte)id)));
        Assert.Equal(MuxFault.BadGoAway, client.Core.Fault);
    }

    [Fact]
    public void An_end_in_order_is_complete_even_when_a_reset_follows()
    {
        (PureMux client, PureMux server) = Pair();
        PureMux.End end = client.Open("s")!;
        client.Write(end, new byte[1000]);
        Exchange(client, server);
        server.Write(server.Ends[0], new byte[50_000], finish: true);
        server.Core.StopReceiving(server.Ends[0].Channel);
        Exchange(client, server);
        Assert.True(end.FinReceived);
        Assert.Equal(50_000, end.Received.Count);
        Assert.Equal(MuxResetReason.Cancelled, end.Reset);
        Assert.True(end.Channel.IsClosed && server.Ends[0].Channel.IsClosed);
    }

    [Fact]
    public void A_connection_without_credit_can_still_end()
    {
        (PureMux client, PureMux server) = Pair();
        PureMux.End end = client.Open("s")!;
        client.Write(end, new byte[MuxLimits.InitialWindow]);
        Exchange(client, server);
        Assert.Equal(0, end.Channel.SendCredit);
        client.Write(end, [], finish: true);
        Exchange(client, server);
        Assert.True(server.Ends[0].FinReceived);
        Assert.Equal(MuxLimits.InitialWindow, server.Ends[0].Received.Count);
    }

    [Theory]
    [InlineData(MuxFrameType.Data, 1u, 0)]
    [InlineData(MuxFrameType.Data, 0u, 1)]
    [InlineData(MuxFrameType.Window, 1u, 3)]
    [InlineData(MuxFrameType.Fin, 1u, 1)]
    [InlineData(MuxFrameType.Reset, 1u, 0)]
    [InlineData(MuxFrameType.GoAway, 1u, 4)]
    [InlineData(MuxFrameType.Open, 1u, 1)]
    public void Frames_of_the_wrong_shape_are_malformed(MuxFrameType type, uint id, int length)
    {
        ReadOnlySpan<byte> rest = PureMux.Frame(type, id, new byte[length]);
        Assert.Equal(ParseStatus.Malformed, MuxFrameParser.TryTake(ref rest, out _, out _));
    }
}
