using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CsCheck;

namespace Qanat.Gm.Tests;

public sealed class Sm3LanesTests
{
    /// <summary>The numbers of lanes that this machine can run.</summary>
    public static TheoryData<int> Widths => [.. new[] { (16, Avx512BW.IsSupported), (8, Avx2.IsSupported), (4, true), (1, true) }.Where(w => w.Item2).Select(w => w.Item1)];

    [Theory]
    [MemberData(nameof(Widths))]
    [Trait("Kind", "Property")]
    public void Messages_of_any_lengths_hash_as_each_alone(int lanes) =>
        Messages(Gen.Int[0, 400], 60).Sample(messages =>
        {
            byte[] hashes = new byte[32 * messages.Length];
            Sm3Lanes.Compute(default, messages, hashes, lanes);
            for (int i = 0; i < messages.Length; i++)
            {
                Assert.Equal(Sm3.HashData(messages[i].Span), hashes[(32 * i)..(32 * (i + 1))]);
            }
        }, iter: 500);

    [Theory]
    [MemberData(nameof(Widths))]
    [Trait("Kind", "Property")]
    public void Macs_under_keys_of_their_own_are_those_of_each_alone(int lanes) =>
        Gen.Select(Messages(Gen.Int[0, 400], 40), Gen.Byte.Array[0, 100].Array[40]).Sample((messages, secrets) =>
        {
            HmacSm3[] keys = [.. messages.Select((_, i) => new HmacSm3(secrets[i]))];
            byte[] macs = new byte[32 * messages.Length];
            Sm3Lanes.Compute(keys, messages, macs, lanes);
            for (int i = 0; i < messages.Length; i++)
            {
                Assert.Equal(HmacSm3.HashData(secrets[i], messages[i].Span), macs[(32 * i)..(32 * (i + 1))]);
            }
        }, iter: 300);

    [Theory]
    [MemberData(nameof(Widths))]
    public void Every_length_in_every_lane_beside_a_long_message(int lanes)
    {
        byte[] data = new byte[5000];
        new Random(3).NextBytes(data);
        for (int length = 0; length <= 200; length++)
        {
            // The long message is in another lane each time, and the last to end.
            ReadOnlyMemory<byte>[] messages = [.. Enumerable.Range(0, 17).Select(i => i == length % 17 ? data : data.AsMemory(i, length))];
            byte[] hashes = new byte[32 * messages.Length];
            Sm3Lanes.Compute(default, messages, hashes, lanes);
            Assert.Equal(messages.SelectMany(message => Sm3.HashData(message.Span)), hashes);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public unsafe void Prefixes_of_every_length_count_as_part_of_the_message(int lanes)
    {
        byte[] data = new byte[300];
        new Random(4).NextBytes(data);
        Sm3LaneJob* jobs = stackalloc Sm3LaneJob[20];
        for (int prefix = 0; prefix <= Sm3LaneJob.MaxPrefix; prefix++)
        {
            fixed (byte* start = data)
            {
                for (int i = 0; i < 20; i++)
                {
                    Sm3LaneJob.Prepare(jobs + i, Sm3Chaining.InitialValue, 0, data.AsSpan(0, prefix), start + prefix, 11 * i);
                }
                Sm3Lanes.Run(jobs, 20, lanes);
            }
            byte[] hash = new byte[32];
            for (int i = 0; i < 20; i++)
            {
                jobs[i].Chaining.Write(hash);
                Assert.Equal(Sm3.HashData(data.AsSpan(0, prefix + (11 * i))), hash);
            }
            Sm3LaneJob.Clear(jobs, 20);
            Assert.All(new Span<byte>(jobs, 20 * sizeof(Sm3LaneJob)).ToArray(), value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void The_widest_vectors_of_the_machine_are_used()
    {
        int expected = Avx512BW.IsSupported ? 16 : Avx2.IsSupported ? 8 : Vector128.IsHardwareAccelerated ? 4 : 1;
        Assert.Equal(expected, Sm3Lanes.LaneCount);
        Assert.InRange(Sm3Lanes.LaneCount, 1, Sm3Lanes.MaxLaneCount);
    }

    [Fact]
    public void Public_forms_hash_and_mac_and_name_what_does_not_fit()
    {
        ReadOnlyMemory<byte>[] messages = ["abc"u8.ToArray(), default, new byte[100]];
        byte[] output = new byte[96];
        Sm3Lanes.HashData(messages, output);
        Assert.Equal(messages.SelectMany(message => Sm3.HashData(message.Span)), output);
        using HmacSm3 key = new([1]);
        Sm3Lanes.HmacData([key, key, key], messages, output);
        Assert.Equal(messages.SelectMany(message => HmacSm3.HashData([1], message.Span)), output);
        Sm3Lanes.HashData([], []);

        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => Sm3Lanes.HashData(messages, new byte[95])).ParamName);
        Assert.Equal("keys", Assert.Throws<ArgumentOutOfRangeException>(() => Sm3Lanes.HmacData([key], messages, new byte[96])).ParamName);
        HmacSm3 disposed = new([1]);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Sm3Lanes.HmacData([key, disposed, key], messages, new byte[96]));
    }

    [Fact]
    public void Keys_that_hold_a_message_of_their_own_keep_it()
    {
        using HmacSm3 key = new([1, 2]);
        key.AppendData("abc"u8);
        byte[] mac = new byte[32];
        Sm3Lanes.HmacData([key], [new byte[10]], mac);
        Assert.Equal(HmacSm3.HashData([1, 2], new byte[10]), mac);
        key.GetHashAndReset(mac);
        Assert.Equal(HmacSm3.HashData([1, 2], "abc"u8), mac);
    }

    private static Gen<ReadOnlyMemory<byte>[]> Messages(Gen<int> length, int most) =>
        Gen.Select(Gen.Int, length.Array[0, most]).Select((seed, lengths) =>
        {
            Random random = new(seed);
            return lengths.Select(l =>
            {
                byte[] message = new byte[l];
                random.NextBytes(message);
                return (ReadOnlyMemory<byte>)message;
            }).ToArray();
        });
}
