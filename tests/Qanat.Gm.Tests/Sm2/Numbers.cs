using System.Numerics;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>Numbers for the tests of SM2: conversions, and values at which carries run.</summary>
internal static class Numbers
{
    /// <summary>1 in a usual run; 100 in the long one (QANAT_FULL=1).</summary>
    public static int Scale { get; } = Environment.GetEnvironmentVariable("QANAT_FULL") == "1" ? 100 : 1;

    public static BigInteger FromLimbs(in Limbs a) => FromBytes(ToBytes(a));

    public static Limbs ToLimbs(BigInteger a) => Limbs.FromBytes(ToBytes(a));

    public static BigInteger FromBytes(ReadOnlySpan<byte> bigEndian) => new(bigEndian, isUnsigned: true, isBigEndian: true);

    public static byte[] ToBytes(in Limbs a)
    {
        byte[] bytes = new byte[32];
        a.WriteBytes(bytes);
        return bytes;
    }

    public static byte[] ToBytes(BigInteger a)
    {
        byte[] shortest = a.ToByteArray(isUnsigned: true, isBigEndian: true);
        byte[] bytes = new byte[32];
        shortest.CopyTo(bytes, 32 - shortest.Length);
        return bytes;
    }

    /// <summary>Small numbers, numbers next to the modulus, next to powers of two, and of limbs that are all zeros or all ones; all below the modulus.</summary>
    public static IReadOnlyList<BigInteger> Edges(BigInteger modulus)
    {
        HashSet<BigInteger> edges = [];
        for (int i = 0; i < 4; i++)
        {
            edges.Add(i);
            edges.Add(modulus - 1 - i);
        }
        foreach (int power in (int[])[31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 191, 192, 193, 223, 224, 225, 255])
        {
            for (int i = -1; i <= 1; i++)
            {
                edges.Add((BigInteger.One << power) + i);
                edges.Add(modulus - (BigInteger.One << power) + i);
            }
        }
        for (int pattern = 0; pattern < 256; pattern++)
        {
            BigInteger a = 0;
            for (int word = 0; word < 8; word++)
            {
                if ((pattern >> word & 1) != 0) a |= new BigInteger(uint.MaxValue) << (32 * word);
            }
            edges.Add(a);
        }
        return [.. edges.Where(a => a.Sign >= 0 && a < modulus)];
    }

    /// <summary>Every pair of edges, then random numbers with random edges.</summary>
    public static void ForPairs(BigInteger modulus, Action<BigInteger, BigInteger> check)
    {
        IReadOnlyList<BigInteger> edges = Edges(modulus);
        foreach (BigInteger a in edges)
        {
            foreach (BigInteger b in edges.Take(60 * Scale)) check(a, b);
        }
        Random random = new(20261122);
        byte[] bytes = new byte[32];
        BigInteger last = 1;
        for (int i = 0; i < 10_000 * Scale; i++)
        {
            random.NextBytes(bytes);
            BigInteger a = FromBytes(bytes) % modulus;
            check(a, last);
            last = i % 3 == 0 ? edges[random.Next(edges.Count)] : a;
        }
    }
}
