using System.Security.Cryptography;

namespace Qanat.Gm.Tests.SelfTest;

public sealed class GmSelfTestTests
{
    [Fact]
    public void Everything_passes_on_every_path_of_this_machine()
    {
        GmSelfTestResult result = GmSelfTest.Run();
        Assert.True(result.Passed, result.ToString());
        Assert.Empty(result.Failures);
        foreach (Sm4Kernel kernel in Sm4Kernels.Available())
        {
            Assert.Equal(5, result.Checks.Count(check => check.Name.StartsWith("SM4-", StringComparison.Ordinal) && check.Name.EndsWith($"path {kernel.Implementation}", StringComparison.Ordinal))
                / Sm4Kernels.Available().Count(other => other.Implementation == kernel.Implementation));
        }
        Assert.All(Enum.GetValues<GmSelfTestKind>(), kind => Assert.Contains(result.Checks, check => check.Kind == kind));
        Assert.Equal($"{result.Checks.Count} self-tests passed", result.ToString());
        GmSelfTest.RunOrThrow();
    }

    [Fact]
    public void A_fault_in_any_test_is_found_there_and_only_there()
    {
        foreach (GmSelfTestCheck check in GmSelfTest.Run().Checks)
        {
            GmSelfTestResult faulty = GmSelfTest.Run((name, bytes) =>
            {
                if (name != check.Name) return;
                if (check.Kind == GmSelfTestKind.RandomNumbers) bytes.AsSpan().Clear();
                else bytes[^1] ^= 0x10;
            });
            Assert.False(faulty.Passed);
            Assert.All(faulty.Failures, failure => Assert.Equal(check.Name, failure.Name));
            CryptographicException refused = Assert.Throws<CryptographicException>(() => GmSelfTest.Require(faulty));
            Assert.Contains(check.Name, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_test_that_throws_fails_and_the_others_go_on()
    {
        int count = GmSelfTest.Run().Checks.Count;
        GmSelfTestResult result = GmSelfTest.Run((name, _) =>
        {
            if (name == "SM2 signature") throw new InvalidOperationException("broken path");
        });
        Assert.Equal(count, result.Checks.Count);
        Assert.Equal("it threw InvalidOperationException: broken path", Assert.Single(result.Failures).Failure);
        Assert.Contains($"1 of {count} self-tests failed: SM2 signature (GB/T 32918.5 A.2)", result.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void One_unlucky_sample_of_random_numbers_gets_a_second_chance()
    {
        int samples = 0;
        GmSelfTestResult result = GmSelfTest.Run((name, bytes) =>
        {
            if (name.StartsWith("random", StringComparison.Ordinal) && samples++ == 0) bytes.AsSpan().Clear();
        });
        Assert.Equal(2, samples);
        Assert.True(result.Passed, result.ToString());
    }
}
