using Qanat.Wire.Mux;

namespace Qanat.Wire.Tests.Mux;

public sealed class FairnessTests
{
    [Theory]
    [InlineData(16376)]
    [InlineData(1000)]
    public void Sixteen_bulk_connections_share_evenly(int largestFrame)
    {
        (MuxCore core, List<MuxChannel> channels) = Bulk(16);
        Dictionary<MuxChannel, long> written = channels.ToDictionary(c => c, _ => 0L);
        byte[] frame = new byte[20_000];
        Random random = new(1);
        for (int i = 0; i < 5000; i++)
        {
            MuxChannel channel = core.NextTurn(out int budget)!;
            // Half of them never fill a frame: bytes count, not turns.
            int bytes = channels.IndexOf(channel) % 2 == 0 ? budget : random.Next(1, Math.Min(budget, largestFrame) + 1);
            written[channel] += core.EndTurn(channel, frame, bytes, more: true, ended: false);
        }
        Assert.InRange(Jain(written.Values), 0.98, 1);
    }

    [Fact]
    public void A_connection_that_often_runs_dry_gets_no_more_than_its_share()
    {
        (MuxCore core, List<MuxChannel> channels) = Bulk(4);
        long[] written = new long[4];
        byte[] frame = new byte[20_000];
        for (int i = 0; i < 4000; i++)
        {
            MuxChannel channel = core.NextTurn(out int budget)!;
            int index = channels.IndexOf(channel);
            bool dry = index == 0;
            written[index] += core.EndTurn(channel, frame, budget, more: !dry, ended: false);
            core.Ready(channels[0]);
        }
        Assert.True(written[0] <= 1.1 * written[1..].Average(), string.Join(" ", written));
    }

    [Fact]
    public void A_one_byte_request_among_eight_bulk_connections_goes_within_two_quanta()
    {
        (MuxCore core, _) = Bulk(8);
        byte[] frame = new byte[20_000];
        Random random = new(2);
        for (int round = 0; round < 200; round++)
        {
            for (int i = random.Next(20); i > 0; i--)
            {
                MuxChannel turn = core.NextTurn(out int budget)!;
                core.EndTurn(turn, frame, budget, more: true, ended: false);
            }
            MuxChannel request = core.Open("r"u8.ToArray(), null)!;
            core.Ready(request);
            int before = 0;
            while (true)
            {
                MuxChannel turn = core.NextTurn(out int budget)!;
                int written = core.EndTurn(turn, frame, turn == request ? 1 : budget, more: turn != request, ended: turn == request);
                if (turn == request)
                {
                    break;
                }
                before += written;
            }
            Assert.InRange(before, 0, 2 * FairQueue<MuxChannel>.Quantum);
        }
    }

    [Fact]
    public void Many_new_connections_do_not_starve_the_old()
    {
        (MuxCore core, List<MuxChannel> channels) = Bulk(1);
        byte[] frame = new byte[20_000];
        long bulk = 0, others = 0;
        MuxChannel[] small = [.. Enumerable.Range(0, 4).Select(_ => core.Open("n"u8.ToArray(), null)!)];
        for (int i = 0; i < 2000; i++)
        {
            // Four connections that always have 4,000 bytes more the moment they were served.
            Array.ForEach(small, core.Ready);
            MuxChannel turn = core.NextTurn(out int budget)!;
            bool isBulk = turn == channels[0];
            int written = core.EndTurn(turn, frame, isBulk ? budget : 4000, more: isBulk, ended: false);
            _ = isBulk ? bulk += written : others += written;
        }
        Assert.True(bulk >= others / 4 * 0.9, $"{bulk} of {bulk + others}");
    }

    [Fact]
    public void Ever_new_connections_leave_the_old_a_fifth()
    {
        (MuxCore core, List<MuxChannel> channels) = Bulk(1);
        byte[] frame = new byte[20_000];
        long bulk = 0, others = 0;
        for (int i = 0; i < 2000; i++)
        {
            for (int j = 0; j < 2; j++)
            {
                core.Ready(core.Open("n"u8.ToArray(), null)!);
            }
            MuxChannel turn = core.NextTurn(out int budget)!;
            bool isBulk = turn == channels[0];
            int written = core.EndTurn(turn, frame, isBulk ? budget : 4000, more: isBulk, ended: !isBulk);
            _ = isBulk ? bulk += written : others += written;
        }
        Assert.True(bulk >= others * 0.2, $"{bulk} of {bulk + others}");
    }

    private static (MuxCore Core, List<MuxChannel> Channels) Bulk(int count)
    {
        MuxCore core = new(true, new MuxLimits());
        List<MuxChannel> channels = [.. Enumerable.Range(0, count).Select(_ => core.Open("b"u8.ToArray(), null)!)];
        channels.ForEach(core.Ready);
        byte[] frame = new byte[20_000];
        for (int i = 0; i < count; i++)
        {
            MuxChannel channel = core.NextTurn(out _)!;
            core.EndTurn(channel, frame, 0, more: false, ended: false);
            byte[] window = PureMux.Frame(MuxFrameType.Window, channel.Id, 0x7f, 0xf0, 0, 0);
            ReadOnlySpan<byte> rest = window;
            MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload);
            Assert.Equal(MuxSignal.None, core.Receive(header, payload, 0, out _));
        }
        channels.ForEach(core.Ready);
        return (core, channels);
    }

    private static double Jain(IEnumerable<long> shares)
    {
        double[] x = [.. shares.Select(s => (double)s)];
        return x.Sum() * x.Sum() / (x.Length * x.Sum(v => v * v));
    }
}
