using System.Text;
using CsCheck;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests;

public sealed class Sm3Tests
{
    [Theory]
    [Trait("Kind", "Vector")]
    // GB/T 32905-2016 appendix A.1 and A.2.
    [InlineData("abc", 1, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")]
    [InlineData("abcd", 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732")]
    public void Hash_is_that_of_the_standard(string part, int times, string hash)
    {
        byte[] message = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(part, times)));
        Assert.Equal(hash, Convert.ToHexStringLower(Sm3.HashData(message)));
        Assert.Equal(hash, Convert.ToHexStringLower(ScalarHash(message)));
    }

    [Fact]
    public void Every_length_and_alignment_equals_bouncy_castle()
    {
        byte[] data = new byte[700];
        new Random(1).NextBytes(data);
        for (int length = 0; length <= 512; length++)
        {
            ReadOnlySpan<byte> message = data.AsSpan(length % 67, length);
            byte[] expected = BouncyCastleSm3.Hash(message);
            Assert.Equal(expected, Sm3.HashData(message));
            Assert.Equal(expected, ScalarHash(message));
        }
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void A_million_random_messages_equal_openssl()
    {
        OpenSslSm3.Require();
        Random random = new(2);
        byte[] data = new byte[300];
        byte[] hash = new byte[32];
        for (int i = 0; i < 1_000_000; i++)
        {
            Span<byte> message = data.AsSpan(random.Next(64), random.Next(200));
            random.NextBytes(message);
            Sm3.HashData(message, hash);
            if (!hash.AsSpan().SequenceEqual(OpenSslSm3.Hash(message)))
            {
                Assert.Fail($"message {Convert.ToHexString(message)}: {Convert.ToHexString(hash)}");
            }
        }
    }

    [Fact]
    public void Long_messages_equal_openssl()
    {
        OpenSslSm3.Require();
        Gen.Select(Gen.Int[0, 200_000], Gen.Int).Sample((length, seed) =>
        {
            byte[] message = new byte[length];
            new Random(seed).NextBytes(message);
            Assert.Equal(OpenSslSm3.Hash(message), Sm3.HashData(message));
        }, iter: 200);
    }

    [Fact]
    public void Destination_may_be_longer_overlap_the_message_but_not_be_shorter()
    {
        byte[] buffer = new byte[100];
        byte[] expected = Sm3.HashData(buffer);
        Sm3.HashData(buffer, buffer.AsSpan(30));
        Assert.Equal(expected, buffer[30..62]);
        Assert.All(buffer[62..], value => Assert.Equal(0, value));
        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => Sm3.HashData(buffer, new byte[31])).ParamName);
    }

    [Fact]
    public void Hashing_allocates_nothing()
    {
        byte[] data = new byte[10_000];
        byte[] hash = new byte[32];
        Assert.Equal(0, Allocations.Of(() => Sm3.HashData(data, hash)));
    }

    /// <summary>The reference path, on machines whose hash runs through vectors.</summary>
    private static unsafe byte[] ScalarHash(ReadOnlySpan<byte> message)
    {
        int padded = (message.Length + 9 + 63) & -64;
        byte[] blocks = new byte[padded];
        message.CopyTo(blocks);
        blocks[message.Length] = 0x80;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(blocks.AsSpan(padded - 8), (ulong)message.Length * 8);
        Sm3Chaining chaining = Sm3Chaining.InitialValue;
        fixed (byte* data = blocks)
        fixed (uint* constants = Sm3Compression.RoundConstants)
        {
            for (int at = 0; at < padded; at += 64)
            {
                Sm3Compression.CompressScalar((uint*)&chaining, data + at, constants);
            }
        }
        byte[] hash = new byte[32];
        chaining.Write(hash);
        return hash;
    }
}
