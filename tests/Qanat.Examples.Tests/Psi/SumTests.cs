using CsCheck;
using Psi.Crypto;

namespace Qanat.Examples.Tests.Psi;

public sealed class SumTests
{
    [Fact]
    public void Sum_of_ciphertexts_decrypts_to_the_sum() =>
        Gen.Int[0, 100_000].Array[0, 12].Sample(values =>
        {
            using SumCipher cipher = new();
            byte[] sum = new byte[SumCipher.CiphertextBytes];
            byte[] one = new byte[SumCipher.CiphertextBytes];
            foreach (int value in values)
            {
                cipher.Encrypt(value, one);
                Assert.True(SumCipher.TryAccumulate(sum, one));
            }
            using SecretScalar mask = new(GroupVectorTests.Scalar(77));
            Assert.True(SumCipher.TryMask(sum, cipher.PublicKey, mask));
            byte[] point = new byte[32];
            Assert.True(cipher.TryDecrypt(sum, point));
            Assert.Equal(values.Sum(v => (long)v) + 77, DiscreteLogarithm.Find(point));
        }, iter: 30);

    [Fact]
    public void Equal_numbers_have_different_ciphertexts_and_a_masked_sum_shares_no_half_with_the_sum()
    {
        using SumCipher cipher = new();
        byte[] first = new byte[SumCipher.CiphertextBytes];
        byte[] second = new byte[SumCipher.CiphertextBytes];
        cipher.Encrypt(5, first);
        cipher.Encrypt(5, second);
        Assert.NotEqual(first[..32], second[..32]);
        Assert.NotEqual(first[32..], second[32..]);
        using SecretScalar mask = new();
        Assert.True(SumCipher.TryMask(second, cipher.PublicKey, mask));
        byte[] masked = new byte[32];
        Assert.True(cipher.TryDecrypt(second, masked));
        Assert.NotEqual(GroupVectorTests.Multiple(5), masked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(23_393_142)]
    [InlineData((1 << 28) - 1)]
    public void Logarithm_is_found(long value) => Assert.Equal(value, DiscreteLogarithm.Find(GroupVectorTests.Multiple(value)));

    [Fact]
    public void Logarithm_at_or_above_the_bound_is_refused()
    {
        Assert.Equal(99_999, DiscreteLogarithm.Find(GroupVectorTests.Multiple(99_999), 100_000));
        Assert.Throws<InvalidDataException>(() => DiscreteLogarithm.Find(GroupVectorTests.Multiple(100_000), 100_000));
        Assert.Throws<InvalidDataException>(() => DiscreteLogarithm.Find(GroupVectorTests.Multiple(1L << 50), 100_000));
    }

    [Fact]
    public void Decryption_of_garbage_is_refused()
    {
        using SumCipher cipher = new();
        byte[] garbage = new byte[SumCipher.CiphertextBytes];
        Array.Fill(garbage, (byte)0xff);
        Assert.False(cipher.TryDecrypt(garbage, new byte[32]));
        Assert.False(SumCipher.TryAccumulate(new byte[SumCipher.CiphertextBytes], garbage));
    }
}
