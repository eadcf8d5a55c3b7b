using System.Diagnostics;
using Qanat.Gm;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Records;

/// <summary>
/// Whether the time of opening a forged record tells why it was refused (Lucky 13), in the manner of dudect: two kinds of records in random order, Welch's t-test on their times.
/// The usual run has few samples and a wide bound, so that a busy machine does not fail it; still a record opened in the naive way is found out by it many times over.
/// The long run (QANAT_FULL=1) has a million samples and dudect's own bound of 4.5.
/// </summary>
[Collection(nameof(TlcpCbcTimingTests))]
[CollectionDefinition(nameof(TlcpCbcTimingTests), DisableParallelization = true)]
public sealed class TlcpCbcTimingTests
{
    private static readonly bool s_full = Environment.GetEnvironmentVariable("QANAT_FULL") == "1";
    private static readonly int s_samples = s_full ? 1_000_000 : 20_000;
    private static readonly double s_bound = s_full ? 4.5 : 30;

    private delegate bool Opener(Span<byte> fragment);

    /// <summary>Kinds of forged records of one length; each pair is compared.</summary>
    public static TheoryData<string, int> Cases
    {
        get
        {
            TheoryData<string, int> cases = [];
            foreach (int length in new[] { 320, 1024 })
            {
                cases.Add("right padding and wrong MAC, or wrong padding", length);
                cases.Add("no padding, or the longest", length);
                cases.Add("padding of 16, or of 64", length);
                cases.Add("MAC wrong in its first byte, or in its last", length);
                cases.Add("wrong padding in its first byte, or in its last", length);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Time_does_not_tell_why_a_record_is_refused(string pair, int length)
    {
        using TlcpCbcProtection protection = new(TlcpCbcPeer.MacKey, TlcpCbcPeer.Key);
        (byte[] one, byte[] other) = Forge(pair, length);
        bool Open(Span<byte> fragment) => protection.Open(new RecordHeader(RecordType.ApplicationData, 0x0101, fragment.Length), fragment, out _, out _) == SmTlsError.None;

        // A leak shows every time, an unlucky neighbour on the machine does not.
        double smallest = double.MaxValue;
        for (int attempt = 0; attempt < 10 && smallest >= s_bound; attempt++)
        {
            smallest = Math.Min(smallest, Measure(Open, one, other));
        }
        Assert.True(smallest < s_bound, $"{pair}, {length} bytes: t = {smallest:F1}, bound {s_bound}");
    }

    [Fact]
    public void The_measurement_finds_out_a_naive_way_of_opening()
    {
        using Sm4 cipher = new(TlcpCbcPeer.Key);
        bool Naive(Span<byte> fragment)
        {
            Span<byte> text = fragment[16..];
            cipher.DecryptCbc(text, fragment[..16], text);
            int length = text.Length - 33 - text[^1];
            if (length < 0 || text[(length + 32)..].IndexOfAnyExcept(text[^1]) >= 0)
            {
                return false;
            }
            return HmacSm3.Verify(TlcpCbcPeer.MacKey, text[..length], text.Slice(length, 32));
        }

        foreach (string pair in new[] { "right padding and wrong MAC, or wrong padding", "no padding, or the longest" })
        {
            (byte[] one, byte[] other) = Forge(pair, 320);
            // On a machine so busy that one measurement drowns in its noise, another one tells.
            double largest = 0;
            for (int attempt = 0; attempt < 10 && largest <= 30; attempt++)
            {
                largest = Math.Max(largest, Measure(Naive, one, other));
            }
            Assert.True(largest > 30, $"{pair}: t = {largest:F1}");
        }
    }

    private static (byte[] One, byte[] Other) Forge(string pair, int length)
    {
        // Contents of the same length, with a padding that fits the block.
        byte[] Content(int padding, int wrongMacByte, int wrongPaddingByte)
        {
            byte[] plaintext = new byte[length - 32 - padding - 1];
            new Random(length + padding).NextBytes(plaintext);
            byte[] content = TlcpCbcPeer.Content(0, RecordType.ApplicationData, plaintext, padding);
            if (wrongMacByte >= 0)
            {
                content[plaintext.Length + wrongMacByte] ^= 1;
            }
            if (wrongPaddingByte >= 0)
            {
                content[plaintext.Length + 32 + wrongPaddingByte] ^= 1;
            }
            return TlcpCbcPeer.Encrypt(content);
        }

        return pair switch
        {
            "right padding and wrong MAC, or wrong padding" => (Content(31, 0, -1), Content(31, -1, 7)),
            "no padding, or the longest" => (Content(0, 0, -1), Content(255, 0, -1)),
            "padding of 16, or of 64" => (Content(15, 0, -1), Content(63, 0, -1)),
            "MAC wrong in its first byte, or in its last" => (Content(31, 0, -1), Content(31, 31, -1)),
            "wrong padding in its first byte, or in its last" => (Content(200, -1, 0), Content(200, -1, 199)),
            _ => throw new ArgumentOutOfRangeException(nameof(pair)),
        };
    }

    /// <summary>Largest |t| over several croppings of the slow tail, where only noise is.</summary>
    private static double Measure(Opener open, byte[] one, byte[] other)
    {
        Random random = new(7);
        byte[] work = new byte[one.Length];
        bool[] kinds = new bool[s_samples];
        long[] times = new long[s_samples];
        for (int i = -2000; i < s_samples; i++)
        {
            // The record is put together from both without a branch, so that caches and predictors cannot tell the kinds apart either.
            int kind = random.Next(2);
            for (int at = 0; at < work.Length; at++)
            {
                work[at] = (byte)((one[at] & -kind) | (other[at] & (kind - 1)));
            }
            long start = Stopwatch.GetTimestamp();
            bool opened = open(work);
            long time = Stopwatch.GetTimestamp() - start;
            Assert.False(opened);
            if (i >= 0)
            {
                (kinds[i], times[i]) = (kind == 1, time);
            }
        }
        long[] sorted = [.. times.Order()];
        return new[] { 0.5, 0.75, 0.9, 0.97 }.Max(part => Math.Abs(Welch(kinds, times, sorted[(int)(part * (sorted.Length - 1))])));
    }

    internal static double Welch(bool[] kinds, long[] times, long bound)
    {
        (double count, double mean, double squares)[] groups = new (double, double, double)[2];
        for (int i = 0; i < times.Length; i++)
        {
            if (times[i] <= bound)
            {
                ref (double count, double mean, double squares) group = ref groups[kinds[i] ? 1 : 0];
                group.count++;
                double difference = times[i] - group.mean;
                group.mean += difference / group.count;
                group.squares += difference * (times[i] - group.mean);
            }
        }
        double Error((double count, double mean, double squares) group) => group.squares / (group.count - 1) / group.count;
        double error = Error(groups[0]) + Error(groups[1]);
        return error == 0 ? 0 : (groups[0].mean - groups[1].mean) / Math.Sqrt(error);
    }
}
