using System.Text;
using CsCheck;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests;

public sealed class HmacSm3Tests
{
    /// <summary>GM/T 0042-2015 appendix D.3: key, message, MAC.</summary>
    public static TheoryData<string, string, string> Vectors { get; } = new()
    {
        {
            Hex(1, 32), Convert.ToHexString(Encoding.ASCII.GetBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"
        },
        { Hex(1, 37), string.Concat(Enumerable.Repeat("cd", 50)), "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae" },
        { string.Concat(Enumerable.Repeat("0b", 32)), Convert.ToHexString("Hi There"u8), "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e" },
        { Convert.ToHexString("Jefe"u8), Convert.ToHexString("what do ya want for nothing?"u8), "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882" },
    };

    [Theory]
    [Trait("Kind", "Vector")]
    [MemberData(nameof(Vectors))]
    public void Mac_is_that_of_the_standard(string key, string message, string mac)
    {
        byte[] keyBytes = Convert.FromHexString(key), messageBytes = Convert.FromHexString(message);
        Assert.Equal(mac, Convert.ToHexStringLower(HmacSm3.HashData(keyBytes, messageBytes)));
        Assert.True(HmacSm3.Verify(keyBytes, messageBytes, Convert.FromHexString(mac)));
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void Any_key_and_message_equal_bouncy_castle_and_openssl()
    {
        OpenSslSm3.Require();
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 400]).Sample((key, message) =>
        {
            byte[] mac = HmacSm3.HashData(key, message);
            Assert.Equal(BouncyCastleSm3.Hmac(key, message), mac);
            Assert.Equal(OpenSslSm3.Hmac(key, message), mac);
        }, iter: 20_000);
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void One_key_serves_many_messages_in_pieces() =>
        Gen.Select(Gen.Byte.Array[0, 100], Gen.Byte.Array[0, 100].Array[0, 6].Array[1, 4]).Sample((key, messages) =>
        {
            using HmacSm3 hmac = new(key);
            byte[] mac = new byte[32];
            foreach (byte[][] pieces in messages)
            {
                Array.ForEach(pieces, piece => hmac.AppendData(piece));
                byte[] expected = HmacSm3.HashData(key, pieces.SelectMany(piece => piece).ToArray());
                hmac.GetCurrentHash(mac);
                Assert.Equal(expected, mac);
                hmac.GetHashAndReset(mac);
                Assert.Equal(expected, mac);
            }
        });

    [Fact]
    public void Verify_refuses_every_flipped_bit_and_names_a_wrong_length()
    {
        byte[] key = [1, 2, 3];
        byte[] mac = HmacSm3.HashData(key, "message"u8);
        for (int bit = 0; bit < 256; bit++)
        {
            byte[] forged = [.. mac];
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(HmacSm3.Verify(key, "message"u8, forged));
        }
        Assert.Equal("hash", Assert.Throws<ArgumentOutOfRangeException>(() => HmacSm3.Verify(key, "message"u8, mac.AsSpan(1))).ParamName);
    }

    [Fact]
    public void Destination_may_overlap_the_message_and_key_but_not_be_shorter()
    {
        byte[] buffer = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        byte[] expected = HmacSm3.HashData(buffer.AsSpan(0, 40), buffer);
        HmacSm3.HashData(buffer.AsSpan(0, 40), buffer, buffer.AsSpan(8));
        Assert.Equal(expected, buffer[8..40]);
        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => HmacSm3.HashData(buffer, buffer, new byte[31])).ParamName);
    }

    [Fact]
    public void Too_short_a_destination_keeps_the_message_and_dispose_ends_all()
    {
        HmacSm3 hmac = new([1]);
        hmac.AppendData("abc"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => hmac.GetHashAndReset(new byte[31]));
        byte[] mac = new byte[32];
        hmac.GetHashAndReset(mac);
        Assert.Equal(HmacSm3.HashData([1], "abc"u8), mac);
        hmac.Dispose();
        Assert.Throws<ObjectDisposedException>(() => hmac.AppendData("a"u8));
        Assert.Throws<ObjectDisposedException>(() => hmac.GetCurrentHash(mac));
        Assert.Throws<ObjectDisposedException>(() => hmac.GetHashAndReset(mac));
    }

    private static string Hex(int first, int count) => Convert.ToHexString([.. Enumerable.Range(first, count).Select(i => (byte)i)]);
}
