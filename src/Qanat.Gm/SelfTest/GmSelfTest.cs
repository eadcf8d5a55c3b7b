using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// Tests of this library on the machine it runs on, in the manner of GM/T 0028 section 7.10: known answers of the standards on every code path that the processor can run, pairwise
/// consistency of a fresh key, and the health of the system's random numbers. Nothing runs by itself: a program calls this once before it begins, and does not begin when it fails.
/// Takes some ten milliseconds. Thread-safe; keeps nothing.
/// </summary>
public static partial class GmSelfTest
{
    /// <summary>Runs every test; a failed one does not stop the others. Never throws because of a wrong result.</summary>
    public static GmSelfTestResult Run() => Run(null);

    /// <summary>Runs every test and throws when one fails: for programs that must not go on then.</summary>
    /// <exception cref="CryptographicException">A test failed; the message names it.</exception>
    public static void RunOrThrow() => Require(Run());

    /// <summary>What <see cref="RunOrThrow"/> does with a result.</summary>
    internal static void Require(GmSelfTestResult result)
    {
        if (!result.Passed)
        {
            throw new CryptographicException($"The SM algorithms do not work on this machine and must not be used: {result}");
        }
    }

    /// <summary>Runs every test with a fault: bytes that a test has computed are given to it to be changed, under the name of the test, before they are judged. For tests of the tests.</summary>
    internal static GmSelfTestResult Run(Action<string, byte[]>? fault)
    {
        Bench bench = new(fault);
        Sm3Answers(bench);
        foreach (Sm4Kernel kernel in Sm4Kernels.Available())
        {
            Sm4Answers(bench, kernel);
        }
        Sm2Answers(bench);
        Pairwise(bench);
        bench.Do("random numbers of the system", "FIPS 140-2 section 4.9.1, GM/T 0005 (monobit, poker, runs)", GmSelfTestKind.RandomNumbers, JudgeRandomNumbers);
        return new GmSelfTestResult(bench.Checks);
    }

    // A good generator fails one sample in some ten thousand by chance, so a second one has the last word.
    private static string? JudgeRandomNumbers(Func<byte[], byte[]> meddle)
    {
        string? first = RandomHealth.Judge(meddle(RandomNumberGenerator.GetBytes(RandomHealth.SampleBytes)));
        return first is null ? null : RandomHealth.Judge(meddle(RandomNumberGenerator.GetBytes(RandomHealth.SampleBytes)));
    }

    /// <summary>Collects the results.</summary>
    private sealed class Bench(Action<string, byte[]>? fault)
    {
        public List<GmSelfTestCheck> Checks { get; } = [];

        /// <summary>A result that must be this one, in hexadecimal.</summary>
        public void Known(string name, string source, string expected, Func<byte[]> compute) =>
            Do(name, source, GmSelfTestKind.KnownAnswer, meddle => Convert.ToHexString(meddle(compute())) == expected ? null : "a wrong result");

        /// <summary>A test that says what is wrong, or null.</summary>
        public void Do(string name, string source, GmSelfTestKind kind, Func<Func<byte[], byte[]>, string?> test)
        {
            string? failure;
            try
            {
                failure = test(bytes =>
                {
                    fault?.Invoke(name, bytes);
                    return bytes;
                });
            }
            // A broken path may fail in any way; the report says so and goes on.
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failure = $"it threw {e.GetType().Name}: {e.Message}";
            }
            Checks.Add(new GmSelfTestCheck(name, source, kind, failure));
        }
    }
}
