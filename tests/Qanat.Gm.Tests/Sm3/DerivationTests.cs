using System.Buffers.Binary;
using CsCheck;
using Qanat.Gm.Tests.Oracles;

namespace Qanat.Gm.Tests;

/// <summary>What derives keys with SM3: HKDF, the KDF of SM2 and the PRF of TLCP.</summary>
public sealed class DerivationTests
{
    [Fact]
    [Trait("Kind", "Property")]
    public void Hkdf_equals_bouncy_castle() =>
        Gen.Select(Gen.Byte.Array[0, 100], Gen.Byte.Array[0, 100], Gen.Byte.Array[0, 100], Gen.Int[1, HkdfSm3.MaxOutputLength]).Sample((secret, salt, info, length) =>
        {
            byte[] output = new byte[length];
            HkdfSm3.DeriveKey(secret, salt, info, output);
            Assert.Equal(BouncyCastleSm3.Hkdf(secret, salt, info, length), output);
        }, iter: 2_000);

    [Fact]
    public void Hkdf_extract_is_hmac_keyed_by_the_salt_and_an_empty_salt_is_32_zeros()
    {
        byte[] secret = [9, 8, 7], key = new byte[32];
        HkdfSm3.Extract(secret, "salt"u8, key);
        Assert.Equal(HmacSm3.HashData("salt"u8, secret), key);
        HkdfSm3.Extract(secret, default, key);
        Assert.Equal(HmacSm3.HashData(new byte[32], secret), key);
    }

    [Fact]
    public void Hkdf_bounds_its_lengths_and_refuses_to_overwrite_its_input()
    {
        byte[] key = new byte[32];
        HkdfSm3.Expand(key, default, new byte[HkdfSm3.MaxOutputLength]);
        Assert.Equal("output", Assert.Throws<ArgumentOutOfRangeException>(() => HkdfSm3.Expand(key, default, new byte[HkdfSm3.MaxOutputLength + 1])).ParamName);
        Assert.Equal("pseudorandomKey", Assert.Throws<ArgumentOutOfRangeException>(() => HkdfSm3.Expand(key.AsSpan(1), default, new byte[1])).ParamName);
        Assert.Equal("pseudorandomKey", Assert.Throws<ArgumentOutOfRangeException>(() => HkdfSm3.Extract(key, default, new byte[31])).ParamName);
        Assert.Equal("output", Assert.Throws<ArgumentException>(() => HkdfSm3.Expand(key, default, key)).ParamName);
        Assert.Equal("output", Assert.Throws<ArgumentException>(() => HkdfSm3.Expand(new byte[32], key, key)).ParamName);
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void Sm2_kdf_is_the_hash_of_secret_and_counter_however_the_secret_is_cut() =>
        Gen.Select(Gen.Byte.Array[0, 150], Gen.Int[0, 300], Gen.Int[0, 1000]).Sample((secret, length, cut) =>
        {
            byte[] expected = new byte[(length + 31) / 32 * 32];
            for (int i = 0; i < expected.Length / 32; i++)
            {
                byte[] counter = new byte[4];
                BinaryPrimitives.WriteInt32BigEndian(counter, i + 1);
                BouncyCastleSm3.Hash([.. secret, .. counter]).CopyTo(expected, 32 * i);
            }
            byte[] output = new byte[length];
            Sm3Kdf.DeriveKey(secret, output);
            Assert.Equal(expected[..length], output);

            int[] cuts = [.. new[] { cut, cut * 7, cut * 31 }.Select(c => c % (secret.Length + 1)).Order()];
            Sm3Kdf.DeriveKey(secret.AsSpan(0, cuts[0]), secret.AsSpan(cuts[0]), output);
            Assert.Equal(expected[..length], output);
            Sm3Kdf.DeriveKey(secret.AsSpan(0, cuts[0]), secret.AsSpan(cuts[0]..cuts[1]), secret.AsSpan(cuts[1]..cuts[2]), secret.AsSpan(cuts[2]), output);
            Assert.Equal(expected[..length], output);
        });

    [Fact]
    [Trait("Kind", "Vector")]
    public void Sm2_kdf_gives_the_keystream_of_the_standards_encryption_example()
    {
        // GB/T 32918.5-2017 appendix C.2: C2 is the message "encryption standard" under t = KDF(x2 || y2).
        byte[] x2 = Convert.FromHexString("335E18D751E51F040E27D468138B7AB1DC86AD7F981D7D416222FD6AB3ED230D");
        byte[] y2 = Convert.FromHexString("AB743EBCFB22D64F7B6AB791F70658F25B48FA93E54064FDBFBED3F0BD847AC9");
        byte[] stream = new byte[19];
        Sm3Kdf.DeriveKey(x2, y2, stream);
        byte[] ciphertext = [.. stream.Zip("encryption standard"u8.ToArray(), (key, text) => (byte)(key ^ text))];
        Assert.Equal("21886CA989CA9C7D58087307CA93092D651EFA", Convert.ToHexString(ciphertext));
    }

    [Fact]
    [Trait("Kind", "Vector")]
    public void Tlcp_prf_gives_the_master_secret_of_a_recorded_connection()
    {
        // Connection tlcp-ecc-cbc-noauth-s-go-c-ts: Tongsuo 8.5.0-pre2 as client, gotlcp 1.4.1 as server; both agree on the master secret.
        byte[] preMaster = Convert.FromHexString("0101f5707285c412757eca2757a0eb916cd384cba90e66515dc3962e2801f20cd75d1f1068c8343d8a25a1e60f81cbc7");
        byte[] client = Convert.FromHexString("38b6d0f35d45c5f7fac45edbd17d691b73c020a4bf6353285bea8a701480f783");
        byte[] server = Convert.FromHexString("6b032e0511cf37badef796ec0f708e38867724fb447530aa920792cd2d489e8e");
        byte[] master = new byte[48];
        TlcpPrf.Derive(preMaster, "master secret"u8, client, server, master);
        Assert.Equal("5447129bdd59a82e39a4acb780d8f915a2fe7f4f1a2f8a5e553dffc603d644130ce88c7259aa85123b670f36cc965008", Convert.ToHexStringLower(master));
    }

    [Fact]
    [Trait("Kind", "Property")]
    public void Tlcp_prf_is_p_hash_of_rfc_5246_with_bouncy_castles_hmac() =>
        Gen.Select(Gen.Byte.Array[0, 80], Gen.Byte.Array[0, 20], Gen.Byte.Array[0, 70], Gen.Byte.Array[0, 70], Gen.Int[0, 300]).Sample((secret, label, seed1, seed2, length) =>
        {
            byte[] seed = [.. label, .. seed1, .. seed2], a = seed;
            List<byte> expected = [];
            while (expected.Count < length)
            {
                a = BouncyCastleSm3.Hmac(secret, a);
                expected.AddRange(BouncyCastleSm3.Hmac(secret, [.. a, .. seed]));
            }
            byte[] output = new byte[length];
            TlcpPrf.Derive(secret, label, seed1, seed2, output);
            Assert.Equal(expected.Take(length), output);
        });

    [Fact]
    public void Tlcp_prf_refuses_to_overwrite_its_input()
    {
        byte[] secret = new byte[48];
        Assert.Equal("destination", Assert.Throws<ArgumentException>(() => TlcpPrf.Derive(secret, default, default, default, secret)).ParamName);
        Assert.Equal("destination", Assert.Throws<ArgumentException>(() => TlcpPrf.Derive(default, default, default, secret, secret)).ParamName);
    }
}
