using System.Diagnostics;
using Qanat.Gm;
using Qanat.Tls.Engine;
using Qanat.Tls.Tests.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>
/// Whether the time of taking a pre-master secret tells if it was right, and why not (Bleichenbacher's oracle by time), as dudect does: two kinds of ciphertexts of one length in random order,
/// Welch's t-test on their times. The usual run has few samples and a wide bound, so that a busy machine does not fail it; QANAT_FULL=1 has many and a narrow one.
/// </summary>
[Collection(nameof(TlcpCbcTimingTests))]
public sealed class TlcpPreMasterTimingTests
{
    private const int Pool = 64;
    private static readonly bool s_full = Environment.GetEnvironmentVariable("QANAT_FULL") == "1";
    private static readonly int s_samples = s_full ? 200_000 : 4_000;
    private static readonly double s_bound = s_full ? 5 : 20;

    public static TheoryData<string, string> Pairs => new()
    {
        { "right", "wrong C3" },
        { "right", "wrong version" },
        { "wrong version", "wrong C3" },
        { "right", "right" },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Time_does_not_tell_whether_a_pre_master_secret_was_right(string one, string other)
    {
        byte[][][] pools = [Forge(one), Forge(other)];
        double smallest = double.MaxValue;
        for (int attempt = 0; attempt < 3 && smallest >= s_bound; attempt++)
        {
            smallest = Math.Min(smallest, Measure(pools));
        }
        Assert.True(smallest < s_bound, $"{one}, {other}: t = {smallest:F1}, bound {s_bound}");
    }

    private static double Measure(byte[][][] pools)
    {
        Random random = new(5);
        byte[] secret = new byte[48];
        bool[] kinds = new bool[s_samples];
        long[] times = new long[s_samples];
        for (int i = -500; i < s_samples; i++)
        {
            int kind = random.Next(2);
            byte[] ciphertext = pools[kind][random.Next(Pool)];
            long start = Stopwatch.GetTimestamp();
            TlcpPreMasterSecret.Decrypt(TlcpWorld.Pki.EncryptKey, ciphertext, secret);
            long time = Stopwatch.GetTimestamp() - start;
            if (i >= 0)
            {
                (kinds[i], times[i]) = (kind == 1, time);
            }
        }
        long[] sorted = [.. times.Order()];
        return new[] { 0.5, 0.75, 0.9 }.Max(part => Math.Abs(TlcpCbcTimingTests.Welch(kinds, times, sorted[(int)(part * (sorted.Length - 1))])));
    }

    // One length: the two coordinates take a byte more when their first bit is set.
    private static byte[][] Forge(string kind)
    {
        byte[] secret = new byte[48];
        (secret[0], secret[1]) = kind == "wrong version" ? ((byte)3, (byte)3) : ((byte)1, (byte)1);
        List<byte[]> pool = [];
        while (pool.Count < Pool)
        {
            byte[] ciphertext = TlcpWorld.Pki.EncryptKey.Encrypt(secret, Sm2CipherFormat.Asn1);
            if (ciphertext.Length == 3 + 35 + 35 + 34 + 50)
            {
                ciphertext[^51] ^= (byte)(kind == "wrong C3" ? 1 : 0);
                pool.Add(ciphertext);
            }
        }
        return [.. pool];
    }
}
