using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>The lanes give what the operations give one by one; without AVX-512 the public methods are tested all the same.</summary>
public sealed class Sm2BatchTests
{
    private const DSASignatureFormat Raw = DSASignatureFormat.IeeeP1363FixedFieldConcatenation;
    private static readonly BigInteger s_p = Numbers.FromLimbs(FieldElement.Modulus);
    private static readonly BigInteger s_n = Numbers.FromLimbs(Scalar.Order);

    [Fact]
    public void Lane_arithmetic_equals_big_integers()
    {
        Assert.SkipUnless(FieldLanes.IsSupported, "The processor has no AVX-512.");
        BigInteger[] edges = [.. Numbers.Edges(s_p)];
        Random random = new(11);
        byte[] bytes = new byte[32];
        BigInteger inverseOfR = BigInteger.ModPow(BigInteger.One << 256, s_p - 2, s_p);
        Limbs[] x = new Limbs[8], y = new Limbs[8], result = new Limbs[8];
        BigInteger[] a = new BigInteger[8], b = new BigInteger[8];
        for (int round = 0; round < 3000 * Numbers.Scale; round++)
        {
            for (int i = 0; i < 8; i++)
            {
                random.NextBytes(bytes);
                a[i] = round < edges.Length ? edges[round] : Numbers.FromBytes(bytes) % s_p;
                random.NextBytes(bytes);
                b[i] = random.Next(2) == 0 ? edges[random.Next(edges.Length)] : Numbers.FromBytes(bytes) % s_p;
                (x[i], y[i]) = (Numbers.ToLimbs(a[i]), Numbers.ToLimbs(b[i]));
            }
            FieldLanes.Load(out FieldLanes u, x);
            FieldLanes.Load(out FieldLanes v, y);
            Check(u, (p, q) => p);
            FieldLanes.Multiply(out FieldLanes r, u, v);
            Check(r, (p, q) => p * q * inverseOfR);
            FieldLanes.Square(out r, u);
            Check(r, (p, q) => p * p * inverseOfR);
            FieldLanes.Subtract(out FieldLanes difference, u, v);
            FieldLanes.Square(out r, difference);
            Check(r, (p, q) => (p - q) * (p - q) * inverseOfR);
            FieldLanes.Add(out FieldLanes sum, u, v);
            FieldLanes.Multiply(out r, difference, sum);
            Check(r, (p, q) => (p - q) * (p + q) * inverseOfR);
            FieldLanes.Shift(out r, sum, 2);
            FieldLanes.Carry(ref r);
            Check(r, (p, q) => 4 * (p + q));
            FieldLanes.Halve(ref difference);
            FieldLanes.Shift(out r, difference, 1);
            Check(r, (p, q) => p - q);
            FieldLanes.NegateIf(out r, System.Runtime.Intrinsics.Vector512.Create(0L, -1, 0, -1, 0, -1, 0, -1), u);
            FieldLanes.Store(r, result);
            for (int i = 0; i < 8; i++) Assert.Equal(i % 2 == 0 ? a[i] : (s_p - a[i]) % s_p, Numbers.FromLimbs(result[i]));
        }
        void Check(in FieldLanes lanes, Func<BigInteger, BigInteger, BigInteger> expected)
        {
            FieldLanes.Store(lanes, result);
            for (int i = 0; i < 8; i++)
            {
                BigInteger value = expected(a[i], b[i]) % s_p;
                Assert.Equal(value.Sign < 0 ? value + s_p : value, Numbers.FromLimbs(result[i]));
            }
        }
    }

    /// <summary>Limbs at the bounds that the formulas allow, in every combination of signs that can add up: the sums of products must not overflow.</summary>
    [Fact]
    public void Products_hold_at_the_bounds_of_the_limbs()
    {
        Assert.SkipUnless(FieldLanes.IsSupported, "The processor has no AVX-512.");
        Limbs[] result = new Limbs[8];
        Random random = new(12);
        for (int round = 0; round < 2000 * Numbers.Scale; round++)
        {
            // Differences of two carried limbs, and sums of three of them for one factor.
            FieldLanes a = Fill(random, 1L << 29, round), b = Fill(random, (1L << 30) + (1L << 27), round / 4), c = Fill(random, (1L << 29) + (1L << 28), round);
            FieldLanes.Multiply(out FieldLanes r, a, b);
            Check(r, a, b);
            FieldLanes.Square(out r, c);
            Check(r, c, c);
        }
        void Check(in FieldLanes r, in FieldLanes a, in FieldLanes b)
        {
            FieldLanes.Store(r, result);
            BigInteger scale = BigInteger.ModPow(BigInteger.One << (2 * 261 - 256), s_p - 2, s_p);
            for (int i = 0; i < 8; i++)
            {
                BigInteger value = Value(a, i) * Value(b, i) % s_p * scale % s_p;
                Assert.Equal(value.Sign < 0 ? value + s_p : value, Numbers.FromLimbs(result[i]));
            }
        }
    }

    [Fact]
    public void Lane_multiplications_equal_those_one_by_one()
    {
        Assert.SkipUnless(FieldLanes.IsSupported, "The processor has no AVX-512.");
        BigInteger[] edges = [.. Sm2CurveTests.EdgeScalars().Distinct().Where(k => !k.IsZero)];
        Random random = new(13);
        byte[] bytes = new byte[32];
        Sm2[] keys = new Sm2[8];
        byte[] points = new byte[8 * 65], secrets = new byte[8 * 32], hashes = new byte[8 * 32], signatures = new byte[8 * 64];
        bool[] results = new bool[8];
        for (int round = 0; round < edges.Length / 8 + 100 * Numbers.Scale; round++)
        {
            for (int i = 0; i < 8; i++)
            {
                random.NextBytes(bytes);
                BigInteger d = 8 * round + i < edges.Length ? edges[8 * round + i] : Numbers.FromBytes(bytes) % s_n;
                if (d.IsZero || d > s_n - 2) d = 1;
                keys[i]?.Dispose();
                keys[i] = Sm2.Create(Numbers.ToBytes(d));
                random.NextBytes(bytes);
                using Sm2 peer = Sm2.Create(Numbers.ToBytes(1 + Numbers.FromBytes(bytes) % (s_n - 2)));
                peer.PublicKey.CopyTo(points.AsSpan(65 * i));
            }
            random.NextBytes(hashes);
            Sm2BatchGroup.Agree(keys, points, secrets, results);
            Assert.All(results, Assert.True);
            for (int i = 0; i < 8; i++) Assert.Equal(keys[i].DeriveRawSecretAgreement(points.AsSpan(65 * i, 65)), secrets[(32 * i)..(32 * i + 32)]);
            Sm2BatchGroup.Sign(keys, hashes, signatures);
            for (int i = 0; i < 8; i++) Assert.True(keys[i].VerifyHash(hashes.AsSpan(32 * i, 32), signatures.AsSpan(64 * i, 64), Raw));
            Sm2BatchGroup.Verify(keys, hashes, signatures, results);
            Assert.All(results, Assert.True);
        }
    }

    /// <summary>Ten thousand signatures a run and a million in the long one, half of them changed; the lanes must say what <see cref="Sm2.VerifyHash"/> says.</summary>
    [Fact]
    public void Batches_of_any_size_give_the_results_of_single_operations()
    {
        Random random = new(14);
        Sm2[] pool = [.. Enumerable.Range(0, 30).Select(_ => Sm2.Create())];
        for (int done = 0, size = 0; done < 10_000 * Numbers.Scale; done += size)
        {
            size = done < 400 ? size + 1 : random.Next(1, 65);
            Sm2[] keys = new Sm2[size];
            byte[] hashes = new byte[32 * size], signatures = new byte[64 * size];
            bool[] results = new bool[size];
            for (int i = 0; i < size; i++) keys[i] = pool[random.Next(pool.Length)];
            random.NextBytes(hashes);
            Sm2Batch.SignHashes(keys, hashes, signatures);
            bool[] expected = new bool[size];
            for (int i = 0; i < size; i++)
            {
                Span<byte> signature = signatures.AsSpan(64 * i, 64);
                switch (random.Next(8))
                {
                    case 0: signature[random.Next(64)] ^= (byte)(1 << random.Next(8)); break;
                    case 1: hashes[32 * i + random.Next(32)] ^= (byte)(1 << random.Next(8)); break;
                    case 2: keys[i] = pool[random.Next(pool.Length)]; break;
                    case 3: signature[..(random.Next(3) * 32)].Clear(); break;
                }
                expected[i] = keys[i].VerifyHash(hashes.AsSpan(32 * i, 32), signature, Raw);
            }
            Sm2Batch.VerifyHashes(keys, hashes, signatures, results);
            Assert.Equal(expected, results);
        }
        foreach (Sm2 key in pool) key.Dispose();
    }

    /// <summary>t = 0, s G + t P at infinity, and s G = t P in some lanes do not disturb the others.</summary>
    [Fact]
    public void Exceptional_lanes_are_done_alone()
    {
        BigInteger d = 12345;
        using Sm2 odd = Sm2.Create(Numbers.ToBytes(d)), usual = Sm2.Create();
        Sm2[] keys = new Sm2[8];
        byte[] hashes = new byte[8 * 32], signatures = new byte[8 * 64];
        bool[] results = new bool[8], expected = new bool[8];
        for (int i = 1; i < 60; i++)
        {
            for (int lane = 0; lane < 8; lane++)
            {
                (BigInteger r, BigInteger s, BigInteger e) = (lane % 4) switch
                {
                    0 => (s_n - i, (BigInteger)i, i),
                    1 => (i * (1 + d) % s_n, (s_n - i * d) % s_n, i * (1 + d) % s_n),
                    // s = t d: both halves are the same point, and e is chosen such that the signature holds.
                    _ => Meeting(i, d),
                };
                keys[lane] = lane % 4 == 3 ? usual : odd;
                Numbers.ToBytes(e).CopyTo(hashes, 32 * lane);
                Numbers.ToBytes(r).CopyTo(signatures, 64 * lane);
                Numbers.ToBytes(s).CopyTo(signatures, 64 * lane + 32);
                if (lane % 4 == 3) usual.SignHash(hashes.AsSpan(32 * lane, 32), signatures.AsSpan(64 * lane, 64), Raw);
                expected[lane] = lane % 4 >= 2;
            }
            Sm2Batch.VerifyHashes(keys, hashes, signatures, results);
            Assert.Equal(expected, results);
        }
    }

    [Fact]
    public void Invalid_points_fail_alone()
    {
        Sm2[] keys = [.. Enumerable.Range(0, 11).Select(_ => Sm2.Create())];
        for (int bad = 0; bad < keys.Length; bad++)
        {
            byte[] points = [.. keys.SelectMany(key => key.PublicKey.ToArray())], secrets = RandomNumberGenerator.GetBytes(32 * keys.Length);
            points[65 * bad + 1 + bad] ^= 1;
            bool[] results = new bool[keys.Length];
            Sm2Batch.DeriveRawSecretAgreements(keys, points, secrets, results);
            for (int i = 0; i < keys.Length; i++)
            {
                Assert.Equal(i != bad, results[i]);
                Assert.Equal(i == bad ? new byte[32] : keys[i].DeriveRawSecretAgreement(points.AsSpan(65 * i, 65)), secrets[(32 * i)..(32 * i + 32)]);
            }
        }
    }

    [Fact]
    public void Misuse_is_told_and_nothing_is_allocated()
    {
        using Sm2 key = Sm2.Create();
        using Sm2 publicKey = Sm2.ImportPublicKey(key.PublicKey);
        Sm2[] keys = [key, key, key, key, key, key, key, key, key], publicKeys = [publicKey, publicKey, publicKey];
        byte[] hashes = new byte[9 * 32], signatures = new byte[9 * 64], points = new byte[9 * 65], secrets = new byte[9 * 32];
        bool[] results = new bool[9];
        Assert.Throws<InvalidOperationException>(() => Sm2Batch.SignHashes(publicKeys, hashes.AsSpan(0, 96), signatures.AsSpan(0, 192)));
        Assert.Throws<ArgumentException>(() => Sm2Batch.SignHashes(keys, hashes.AsSpan(1), signatures));
        Assert.Throws<ArgumentException>(() => Sm2Batch.VerifyHashes(keys, hashes, signatures.AsSpan(1), results));
        Assert.Throws<ArgumentException>(() => Sm2Batch.VerifyHashes(keys, hashes, signatures, results.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => Sm2Batch.DeriveRawSecretAgreements(keys, points.AsSpan(1), secrets, results));
        Sm2Batch.VerifyHashes([], [], [], []);
        for (int i = 0; i < 9; i++) key.PublicKey.CopyTo(points.AsSpan(65 * i));
        Assert.Equal(0, Allocations.Of(Run));
        void Run()
        {
            Sm2Batch.SignHashes(keys, hashes, signatures);
            Sm2Batch.VerifyHashes(keys, hashes, signatures, results);
            Sm2Batch.DeriveRawSecretAgreements(keys, points, secrets, results);
        }
    }

    private static (BigInteger R, BigInteger S, BigInteger E) Meeting(BigInteger t, BigInteger d)
    {
        BigInteger s = t * d % s_n, r = ((t - s) % s_n + s_n) % s_n;
        byte[] point = Oracles.BouncyCastleSm2.MultiplyBase(Numbers.ToBytes(2 * s % s_n));
        return (r, s, ((r - Numbers.FromBytes(point.AsSpan(1, 32))) % s_n + s_n) % s_n);
    }

    private static FieldLanes Fill(Random random, long bound, int kind)
    {
        FieldLanes a = default;
        Span<long> limbs = MemoryMarshal.Cast<FieldLanes, long>(new Span<FieldLanes>(ref a));
        for (int i = 0; i < limbs.Length; i++)
        {
            // The top limb belongs to numbers of a few p.
            long most = i >= 64 ? 1L << 27 : bound;
            limbs[i] = (kind % 4) switch { 0 => most, 1 => -most, 2 => random.Next(2) == 0 ? most : -most, _ => random.NextInt64(-most, most + 1) };
        }
        return a;
    }

    private static BigInteger Value(in FieldLanes a, int lane)
    {
        ReadOnlySpan<long> limbs = MemoryMarshal.Cast<FieldLanes, long>(new ReadOnlySpan<FieldLanes>(in a));
        BigInteger value = 0;
        for (int i = 0; i < 9; i++) value += (BigInteger)limbs[8 * i + lane] << (29 * i);
        return value;
    }
}
