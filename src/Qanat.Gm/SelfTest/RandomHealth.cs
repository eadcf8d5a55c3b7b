using System.Numerics;

namespace Qanat.Gm;

/// <summary>
/// The statistical tests of FIPS 140-2 section 4.9.1 (change notice 1) on 20,000 bits: monobit, poker, runs, long run. They find a generator that is stuck or badly skewed; that one is
/// good they cannot show. A good one fails by chance about once in ten thousand samples.
/// </summary>
internal static class RandomHealth
{
    /// <summary>Bytes of a sample: 20,000 bits.</summary>
    public const int SampleBytes = 2500;

    private const int LongRun = 26;

    // Runs of 1, 2, ... 5 and of 6 or more bits, of either value.
    private static ReadOnlySpan<int> Fewest => [2315, 1114, 527, 240, 103, 103];

    private static ReadOnlySpan<int> Most => [2685, 1386, 723, 384, 209, 209];

    /// <summary>What is wrong with the sample, or null.</summary>
    public static string? Judge(ReadOnlySpan<byte> sample)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sample.Length, SampleBytes);
        int ones = 0;
        Span<int> nibbles = stackalloc int[16];
        nibbles.Clear();
        foreach (byte value in sample)
        {
            ones += BitOperations.PopCount(value);
            nibbles[value >> 4]++;
            nibbles[value & 15]++;
        }
        if (ones is <= 9725 or >= 10275)
        {
            return $"{ones} of 20000 bits are 1";
        }
        double squares = 0;
        foreach (int count in nibbles)
        {
            squares += (double)count * count;
        }
        double poker = (16.0 / 5000 * squares) - 5000;
        return poker is <= 2.16 or >= 46.17 ? $"the poker statistic is {poker:0.0}, outside of 2.16 to 46.17" : JudgeRuns(sample);
    }

    private static string? JudgeRuns(ReadOnlySpan<byte> sample)
    {
        Span<int> runs = stackalloc int[12];
        runs.Clear();
        int length = 0, previous = -1;
        for (int i = 0; i <= 8 * SampleBytes; i++)
        {
            int bit = i < 8 * SampleBytes ? (sample[i >> 3] >> (7 - (i & 7))) & 1 : -2;
            if (bit == previous)
            {
                length++;
                continue;
            }
            if (length >= LongRun)
            {
                return $"a run of {length} equal bits";
            }
            if (length > 0)
            {
                runs[(6 * previous) + Math.Min(length, 6) - 1]++;
            }
            (previous, length) = (bit, 1);
        }
        for (int i = 0; i < runs.Length; i++)
        {
            if (runs[i] < Fewest[i % 6] || runs[i] > Most[i % 6])
            {
                return $"{runs[i]} runs of {(i % 6) + 1}{(i % 6 == 5 ? " or more" : "")} bits of {i / 6}, outside of {Fewest[i % 6]} to {Most[i % 6]}";
            }
        }
        return null;
    }
}
