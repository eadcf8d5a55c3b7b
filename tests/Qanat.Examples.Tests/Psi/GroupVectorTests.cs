using System.Text;
using Psi.Crypto;

namespace Qanat.Examples.Tests.Psi;

/// <summary>Known answers of RFC 9496 (ristretto255), RFC 9380 (expand_message_xmd) and RFC 9497 (hash to group, blind, evaluate).</summary>
public sealed class GroupVectorTests
{
    // RFC 9496 appendix A.1, multiples of the generator.
    [Theory]
    [InlineData(0, "0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData(1, "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")]
    [InlineData(2, "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")]
    [Trait("Kind", "Vector")]
    public void MultiplyBase_gives_the_published_multiples(long scalar, string expected) => Assert.Equal(expected, Hex(Multiple(scalar)));

    // RFC 9496 appendix A.2: encodings that must be refused.
    [Theory]
    [InlineData("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [Trait("Kind", "Vector")]
    public void Malformed_encodings_are_refused_by_every_operation(string encoding)
    {
        byte[] bad = Convert.FromHexString(encoding);
        byte[] result = new byte[32];
        Assert.False(Ristretto.IsValid(bad));
        Assert.False(Ristretto.TryMultiply(Scalar(5), bad, result));
        Assert.False(Ristretto.TryAdd(Multiple(1), bad, result));
        Assert.False(Ristretto.TrySubtract(bad, Multiple(1), result));
    }

    // RFC 9380 appendix K.3, DST QUUX-V01-CS02-with-expander-SHA512-256.
    [Theory]
    [InlineData("", "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba")]
    [InlineData("abc", "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc")]
    [InlineData("abcdef0123456789", "087e45a86e2939ee8b91100af1583c4938e0f5fc6c9db4b107b83346bc967f58")]
    [InlineData("", "41b037d1734a5f8df225dd8c7de38f851efdb45c372887be655212d07251b921b052b62eaed99b46f72f2ef4cc96bfaf254ebbbec091e1a3b9e4fb5e5b619d2e0c5414800a1d882b62bb5cd1778f098b8eb6cb399d5d9d18f5d5842cf5d13d7eb00a7cff859b605da678b318bd0e65ebff70bec88c753b159a805d2c89c55961")]
    [Trait("Kind", "Vector")]
    public void ExpandMessageXmd_gives_the_published_bytes(string message, string expected)
    {
        byte[] uniform = new byte[expected.Length / 2];
        HashToGroup.ExpandMessageXmd(Encoding.ASCII.GetBytes(message), "QUUX-V01-CS02-with-expander-SHA512-256"u8, uniform);
        Assert.Equal(expected, Hex(uniform));
    }

    // RFC 9497 appendix A.1.1, OPRF(ristretto255, SHA-512), mode 0.
    [Theory]
    [InlineData("00", "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c", "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e")]
    [InlineData("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418", "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25")]
    [Trait("Kind", "Vector")]
    public void Hash_then_blind_then_evaluate_gives_the_published_points(string input, string blinded, string evaluated)
    {
        byte[] blind = Convert.FromHexString("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
        byte[] key = Convert.FromHexString("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e");
        byte[] point = new byte[32];
        HashToGroup.Hash(Convert.FromHexString(input), "HashToGroup-OPRFV1-\0-ristretto255-SHA512"u8, point);
        Assert.True(Ristretto.TryMultiply(blind, point, point));
        Assert.Equal(blinded, Hex(point));
        Assert.True(Ristretto.TryMultiply(key, point, point));
        Assert.Equal(evaluated, Hex(point));
    }

    [Fact]
    public void Two_exponents_commute_and_different_ids_differ()
    {
        using SecretScalar a = new();
        using SecretScalar b = new();
        Assert.Equal(Raise("person-1", a, b), Raise("person-1", b, a));
        Assert.NotEqual(Raise("person-1", a, b), Raise("person-2", a, b));
    }

    [Fact]
    public void Secrets_are_cleared_on_disposal()
    {
        SecretScalar secret = new();
        Assert.False(secret.Bytes.SequenceEqual(new byte[32]));
        secret.Dispose();
        Assert.True(secret.Bytes.SequenceEqual(new byte[32]));
    }

    internal static byte[] Scalar(long value)
    {
        byte[] scalar = new byte[32];
        Ristretto.SmallScalar(value, scalar);
        return scalar;
    }

    internal static byte[] Multiple(long value)
    {
        byte[] point = new byte[32];
        Ristretto.MultiplyBase(Scalar(value), point);
        return point;
    }

    private static string Raise(string id, SecretScalar first, SecretScalar second)
    {
        byte[] point = new byte[32];
        HashToGroup.Hash(id, point);
        Assert.True(Ristretto.TryMultiply(first.Bytes, point, point));
        Assert.True(Ristretto.TryMultiply(second.Bytes, point, point));
        return Hex(point);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
