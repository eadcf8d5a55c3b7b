namespace Qanat.Gm.Tests.SelfTest;

public sealed class RandomHealthTests
{
    /// <summary>Not random for anybody, but with good statistics: the key stream of SM4.</summary>
    private static byte[] Good()
    {
        byte[] sample = new byte[RandomHealth.SampleBytes];
        using Sm4 cipher = new(new byte[16]);
        cipher.TransformCtr(sample, new byte[16], sample);
        return sample;
    }

    [Fact]
    public void A_good_stream_passes() => Assert.Null(RandomHealth.Judge(Good()));

    [Fact]
    public void A_stuck_generator_is_found()
    {
        foreach (byte value in new byte[] { 0x00, 0xFF, 0x55, 0xA3 })
        {
            byte[] sample = new byte[RandomHealth.SampleBytes];
            sample.AsSpan().Fill(value);
            Assert.NotNull(RandomHealth.Judge(sample));
        }
    }

    [Fact]
    public void A_generator_that_prefers_a_bit_is_found()
    {
        byte[] sample = Good();
        for (int i = 0; i < sample.Length; i += 4) sample[i] |= 0x81;
        Assert.EndsWith("bits are 1", RandomHealth.Judge(sample), StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_run_is_found()
    {
        byte[] sample = Good();
        sample.AsSpan(1000, 4).Clear();
        Assert.StartsWith("a run of ", RandomHealth.Judge(sample), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_whose_bits_never_change_their_neighbours_are_found_by_their_runs()
    {
        // Each bit twice: as many ones as before, every pattern of four as often as its like, but no run of one.
        byte[] good = Good(), sample = new byte[RandomHealth.SampleBytes];
        for (int i = 0; i < 8 * sample.Length; i++)
        {
            if ((good[i >> 4] >> (7 - ((i >> 1) & 7)) & 1) != 0) sample[i >> 3] |= (byte)(0x80 >> (i & 7));
        }
        Assert.NotNull(RandomHealth.Judge(sample));
    }

    [Fact]
    public void Alternating_halves_are_found_by_poker()
    {
        byte[] sample = new byte[RandomHealth.SampleBytes];
        for (int i = 0; i < sample.Length; i++) sample[i] = (byte)(i % 2 == 0 ? 0x35 : 0xCA);
        Assert.StartsWith("the poker statistic", RandomHealth.Judge(sample), StringComparison.Ordinal);
    }
}
