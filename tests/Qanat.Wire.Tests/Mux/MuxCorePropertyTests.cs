using CsCheck;
using Qanat.Wire.Mux;

namespace Qanat.Wire.Tests.Mux;

public sealed class MuxCorePropertyTests
{
    [Fact]
    public void Two_muxes_joined_by_pipes_deliver_every_byte_in_order_and_never_stall() =>
        Gen.Select(Gen.Int, Gen.Int[1, 12], Gen.Int[0, 600_000]).Sample((seed, connections, most) =>
        {
            Random random = new(seed);
            PureMux[] muxes = [new(true), new(false)];
            List<byte>[] pipes = [[], []];
            int opened = 0;
            for (int step = 0; step < 400; step++)
            {
                int side = random.Next(2);
                PureMux mux = muxes[side];
                mux.Now += random.Next(1000);
                switch (random.Next(5))
                {
                    case 0 when opened < connections:
                        mux.Open($"c{opened++}");
                        break;
                    case 1 when mux.Ends.Count > 0:
                        PureMux.End writer = mux.Ends[random.Next(mux.Ends.Count)];
                        if (!writer.Finish && writer.ToSend.Count < most)
                        {
                            byte[] bytes = new byte[random.Next(10) == 0 ? random.Next(most) : random.Next(100)];
                            random.NextBytes(bytes);
                            mux.Write(writer, bytes, finish: random.Next(6) == 0);
                        }
                        break;
                    case 2 when mux.Ends.Count > 0:
                        mux.Consume(mux.Ends[random.Next(mux.Ends.Count)], random.Next(300_000));
                        break;
                    case 3:
                        pipes[side].AddRange(mux.Fill(random.Next(6)));
                        break;
                    default:
                        Move(muxes[1 - side], pipes[side], random.Next(50_000));
                        break;
                }
            }
            foreach (PureMux mux in muxes)
            {
                mux.Ends.ForEach(e => mux.Write(e, [], finish: true));
            }
            for (int idle = 0; idle < 2;)
            {
                int moved = 0;
                for (int side = 0; side < 2; side++)
                {
                    muxes[side].Now += 1000;
                    muxes[side].Ends.ForEach(e => muxes[side].Consume(e, random.Next(1, 200_000)));
                    muxes[side].Ends.Where(e => !e.Finish).ToList().ForEach(e => muxes[side].Write(e, [], finish: true));
                    pipes[side].AddRange(muxes[side].Fill(8));
                    moved += pipes[side].Count;
                    Move(muxes[1 - side], pipes[side], int.MaxValue);
                }
                idle = moved == 0 && muxes.All(m => m.Ends.All(e => e.Consumed == e.Received.Count)) ? idle + 1 : 0;
            }
            Assert.Equal(opened, muxes[0].Ends.Count);
            Assert.Equal(opened, muxes[1].Ends.Count);
            foreach (PureMux.End end in muxes[0].Ends)
            {
                PureMux.End other = muxes[1].Ends.Single(e => e.Service == end.Service);
                Assert.Null(end.Reset);
                Assert.Null(other.Reset);
                Assert.True(end.FinReceived && other.FinReceived);
                Assert.True(end.ToSend.SequenceEqual(other.Received), "bytes from the first to the second");
                Assert.True(other.ToSend.SequenceEqual(end.Received), "bytes from the second to the first");
                Assert.True(end.Channel.IsClosed && other.Channel.IsClosed);
            }
            Assert.All(muxes, m => Assert.Equal(0, m.Core.InboundCount + m.Core.OutboundCount + m.Core.UnreadBytes));
        }, iter: 25);

    [Fact]
    public void Hostile_bytes_never_throw() =>
        Gen.Byte.Array[0, 400].Array[1, 20].Sample(chunks =>
        {
            PureMux mux = new(false);
            foreach (byte[] chunk in chunks)
            {
                if (mux.Feed(chunk) == MuxSignal.Fault)
                {
                    Assert.NotEqual(MuxFault.None, mux.Core.Fault);
                    return;
                }
                mux.Fill(3);
            }
        }, iter: 2000);

    [Fact]
    public void Hostile_frames_never_throw_and_keep_memory_bounded() =>
        Gen.Int.Sample(seed =>
        {
            Random random = new(seed);
            MuxLimits limits = new() { MaxInboundConnections = 8, MaxPendingRefusals = 16 };
            PureMux mux = new(false, limits);
            PureMux.End local = mux.Open("local")!;
            mux.Write(local, new byte[10_000]);
            for (int i = 0; i < 500; i++)
            {
                uint id = (uint)random.Next(12);
                MuxFrameType type = (MuxFrameType)random.Next(1, 7);
                byte[] payload = new byte[type switch
                {
                    MuxFrameType.Window or MuxFrameType.GoAway => 4,
                    MuxFrameType.Fin => 0,
                    MuxFrameType.Reset => 1,
                    _ => random.Next(1, 3000),
                }];
                random.NextBytes(payload);
                if (type == MuxFrameType.Open)
                {
                    payload = [1, (byte)'s', .. payload];
                }
                if (mux.Feed(PureMux.Frame(type, id, payload)) == MuxSignal.Fault)
                {
                    break;
                }
                Assert.InRange(mux.Core.InboundCount, 0, 8);
                Assert.InRange(mux.Core.UnreadBytes, 0, 9 * MuxLimits.InitialWindow);
                mux.Ends.ForEach(e => mux.Consume(e, random.Next(4000)));
                mux.Fill(random.Next(3));
            }
        }, iter: 500);

    private static void Move(PureMux to, List<byte> pipe, int most)
    {
        byte[] bytes = [.. pipe.GetRange(0, Math.Min(most, pipe.Count))];
        pipe.RemoveRange(0, bytes.Length);
        Assert.Equal(MuxSignal.None, to.Feed(bytes));
    }
}
