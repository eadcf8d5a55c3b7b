using System.Diagnostics;
using System.Numerics;

namespace Qanat.Gm.Tests.Sm2Tests;

/// <summary>
/// Statistical tests that the time does not depend on a secret, after "dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede 2017): one fixed secret against random ones in
/// random order, and Welch's t over the times. Only in the long run (QANAT_FULL=1): they need a quiet machine.
/// </summary>
public sealed class Sm2TimingTests
{
    private const int Inputs = 1000, Rounds = 60;

    /// <summary>The usual threshold for "certainly leaking" is 10; a leak of one digit's time would show hundreds.</summary>
    private const double Threshold = 10;

    private delegate void Operation(in Limbs secret);

    private static readonly string[] s_secrets = ["one", "few bits", "order minus two", "all windows alike"];

    [Fact]
    public void Multiple_of_the_base_point_takes_the_same_time_for_every_scalar() =>
        CheckAll((in Limbs k) => Sm2Curve.MultiplyBase(out _, k));

    [Fact]
    public void Agreement_takes_the_same_time_for_every_key()
    {
        JacobianPoint point = new(Sm2Curve.Generator);
        JacobianPoint.Double(out point, point);
        CheckAll((in Limbs k) =>
        {
            Sm2Curve.Multiply(out JacobianPoint product, point, k);
            product.ToAffine(out _);
        });
    }

    [Fact]
    public void Arithmetic_of_a_signature_takes_the_same_time_for_every_nonce()
    {
        using Sm2 key = Sm2.Create();
        Limbs e = new(5, 6, 7, 8), x = new(1, 2, 3, 4);
        CheckAll((in Limbs k) =>
        {
            for (int i = 0; i < 50; i++) Sm2.TryFinishSignature(key.RequireSigningSecret(), e, k, x, out _, out _);
        });
    }

    /// <summary>A decryption that fails at C3 against ones that succeed: what an attacker of the premaster secret would measure.</summary>
    [Fact]
    public void Decryption_takes_the_same_time_whether_the_hash_matches()
    {
        Require();
        using Sm2 key = Sm2.Create();
        byte[] good = key.Encrypt(new byte[48], Sm2CipherFormat.C1C3C2), bad = [.. good], destination = new byte[48];
        bad[70] ^= 1;
        byte[][] ciphertexts = [.. Enumerable.Range(0, Inputs).Select(i => (byte[])[.. i % 2 == 0 ? good : bad])];
        double t = Measure(i => i % 2 == 0, i => key.TryDecrypt(ciphertexts[i], Sm2CipherFormat.C1C3C2, destination, out _));
        Assert.InRange(Math.Abs(t), 0, Threshold);
    }

    /// <summary>The method finds a leak: a multiplication for public values shows one at once.</summary>
    [Fact]
    public void Multiplication_for_public_values_is_seen_to_depend_on_them()
    {
        Require();
        Assert.Throws<Xunit.Sdk.InRangeException>(() => Check("few bits", (in Limbs k) => Sm2Curve.MultiplyPublic(out _, default, new JacobianPoint(Sm2Curve.Generator), k)));
    }

    private static void CheckAll(Operation operation)
    {
        foreach (string secret in s_secrets) Check(secret, operation);
    }

    private static void Check(string secret, Operation operation)
    {
        Require();
        BigInteger n = Numbers.FromLimbs(Scalar.Order), alike = 1;
        for (int i = 0; i < 255; i += 5) alike += (BigInteger)2 << i;
        BigInteger special = secret switch { "one" => 1, "few bits" => (BigInteger.One << 200) + 1, "order minus two" => n - 2, _ => alike % n };
        bool[] isFixed = new bool[Inputs];
        Limbs[] scalars = new Limbs[Inputs];
        Random random = new(17);
        Limbs largest = Numbers.ToLimbs(n - 1);
        for (int i = 0; i < Inputs; i++)
        {
            isFixed[i] = random.Next(2) == 0;
            scalars[i] = isFixed[i] ? Numbers.ToLimbs(special) : Scalar.Random(largest);
        }
        double t = Measure(i => isFixed[i], i => operation(scalars[i]));
        Assert.InRange(Math.Abs(t), 0, Threshold);
    }

    /// <summary>Welch's t between the two classes, over the fastest four fifths of all times (the rest are interrupts).</summary>
    private static double Measure(Func<int, bool> isFixed, Action<int> operation)
    {
        long[] times = new long[Inputs * Rounds];
        for (int i = 0; i < Inputs; i++) operation(i);
        Thread.Sleep(500);
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < Inputs; i++)
            {
                long start = Stopwatch.GetTimestamp();
                operation(i);
                times[round * Inputs + i] = Stopwatch.GetTimestamp() - start;
            }
        }
        long[] sorted = [.. times];
        Array.Sort(sorted);
        long limit = sorted[sorted.Length * 4 / 5];
        double[] count = new double[2], mean = new double[2], square = new double[2];
        for (int i = Inputs; i < times.Length; i++)
        {
            if (times[i] > limit) continue;
            int c = isFixed(i % Inputs) ? 1 : 0;
            count[c]++;
            double delta = times[i] - mean[c];
            mean[c] += delta / count[c];
            square[c] += delta * (times[i] - mean[c]);
        }
        double variance = square[0] / (count[0] - 1) / count[0] + square[1] / (count[1] - 1) / count[1];
        return (mean[0] - mean[1]) / Math.Sqrt(variance);
    }

    private static void Require() => Assert.SkipUnless(Environment.GetEnvironmentVariable("QANAT_FULL") == "1", "Timing is measured in the long run only (QANAT_FULL=1).");
}
