using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.Pkcs;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Paddings;
using Org.BouncyCastle.Crypto.Parameters;

namespace Qanat.Gm.Tests.Keys;

/// <summary>Keys under passwords (PBES2), with BouncyCastle's primitives as the second opinion.</summary>
public sealed class EncryptedSm2KeysTests
{
    private const string Password = "密码 password";
    private const int Iterations = 1000;

    public static TheoryData<Sm2KeyCipher, Sm2KeyPrf> Encryptions => new MatrixTheoryData<Sm2KeyCipher, Sm2KeyPrf>(Enum.GetValues<Sm2KeyCipher>(), Enum.GetValues<Sm2KeyPrf>());

    [Theory]
    [MemberData(nameof(Encryptions))]
    public void An_encrypted_key_is_read_with_its_password_and_no_other(Sm2KeyCipher cipher, Sm2KeyPrf prf)
    {
        using Sm2 key = Sm2.Create();
        char[] pem = Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, Password, new Sm2KeyEncryption(cipher, prf, Iterations));
        Assert.True(Sm2Keys.IsEncryptedPem(pem));
        using Sm2 read = Sm2Keys.ReadPem(pem, Password);
        Assert.Equal(Scalar(key), Scalar(read));
        Assert.Equal(Sm2KeyError.WrongPassword, Assert.Throws<Sm2KeyException>(() => Sm2Keys.ReadPem(pem, Password + "x")).Error);
        Assert.Equal(Sm2KeyError.PasswordRequired, Assert.Throws<Sm2KeyException>(() => Sm2Keys.ReadPem(pem)).Error);
    }

    [Theory]
    [MemberData(nameof(Encryptions))]
    public void BouncyCastle_decrypts_what_is_written(Sm2KeyCipher cipher, Sm2KeyPrf prf)
    {
        using Sm2 key = Sm2.Create();
        byte[] der = Sm2Keys.WriteEncryptedPkcs8PrivateKey(key, Password, new Sm2KeyEncryption(cipher, prf, Iterations));
        EncryptedPrivateKeyInfo info = EncryptedPrivateKeyInfo.GetInstance(Asn1Object.FromByteArray(der));
        PbeS2Parameters scheme = PbeS2Parameters.GetInstance(info.EncryptionAlgorithm.Parameters);
        Pbkdf2Params kdf = Pbkdf2Params.GetInstance(scheme.KeyDerivationFunc.Parameters);
        Assert.Equal(prf == Sm2KeyPrf.HmacSm3 ? "1.2.156.10197.1.401.2" : "1.2.840.113549.2.9", kdf.Prf.Algorithm.Id);
        byte[] iv = Asn1OctetString.GetInstance(scheme.EncryptionScheme.Parameters).GetOctets();
        byte[] plaintext = Crypt(false, cipher, prf, kdf.GetSalt(), kdf.IterationCount.IntValue, iv, info.GetEncryptedData());
        Assert.Equal(Sm2Keys.WritePkcs8PrivateKey(key), plaintext);
    }

    [Theory]
    [InlineData("1.2.156.10197.1.401.2", "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", false)]
    [InlineData("1.2.156.10197.1.401.2", "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", true)]
    [InlineData("1.2.156.10197.1.401.3.1", "1.2.156.10197.6.1.4.1.5.2", "1.2.156.10197.6.1.4.1.5.1", false)] // the names of GM/T 0091
    public void What_BouncyCastle_encrypts_with_hmac_sm3_is_read(string prf, string pbes2, string pbkdf2, bool withNullAndKeyLength)
    {
        using Sm2 key = Sm2.Create();
        byte[] salt = RandomNumberGenerator.GetBytes(8), iv = RandomNumberGenerator.GetBytes(16);
        byte[] ciphertext = Crypt(true, Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSm3, salt, Iterations, iv, Sm2Keys.WritePkcs8PrivateKey(key));
        byte[] der = Pbes2(new Scheme { Prf = prf, Outer = pbes2, Derivation = pbkdf2, WithNull = withNullAndKeyLength, KeyLength = withNullAndKeyLength ? 16 : null, Salt = salt, Iv = iv }, ciphertext);
        using Sm2 read = Sm2Keys.ReadEncryptedPkcs8PrivateKey(der, Password);
        Assert.Equal(Scalar(key), Scalar(read));
    }

    [Fact]
    public void Pbkdf2_with_sm3_is_that_of_BouncyCastle()
    {
        Random random = new(2);
        for (int i = 0; i < 50; i++)
        {
            byte[] password = new byte[random.Next(0, 100)], salt = new byte[random.Next(0, 100)], actual = new byte[random.Next(1, 100)];
            random.NextBytes(password);
            random.NextBytes(salt);
            int iterations = random.Next(1, 20);
            Pkcs5S2ParametersGenerator theirs = new(new SM3Digest());
            theirs.Init(password, salt, iterations);
            byte[] expected = ((KeyParameter)theirs.GenerateDerivedMacParameters(actual.Length * 8)).GetKey();
            Sm2Keys.Pbkdf2Sm3(password, salt, iterations, actual);
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void Encryptions_that_are_not_read_are_named()
    {
        Assert.Contains("HMAC-SHA1", Unsupported(new Scheme { Prf = null }), StringComparison.Ordinal);
        Assert.Contains("1.2.840.113549.2.8", Unsupported(new Scheme { Prf = "1.2.840.113549.2.8" }), StringComparison.Ordinal);
        Assert.Contains("1.3.6.1.4.1.11591.4.11", Unsupported(new Scheme { Derivation = "1.3.6.1.4.1.11591.4.11" }), StringComparison.Ordinal);
        Assert.Contains("1.2.840.113549.3.7", Unsupported(new Scheme { Cipher = "1.2.840.113549.3.7" }), StringComparison.Ordinal);
        Assert.Contains("1.2.840.113549.1.5.3", Unsupported(new Scheme { Outer = "1.2.840.113549.1.5.3" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(10_000_001)]
    [InlineData(long.MaxValue)]
    public void Iterations_out_of_range_are_refused_before_any_work(long iterations) => Unsupported(new Scheme { Iterations = iterations });

    [Fact]
    public void Damaged_parameters_are_refused()
    {
        Malformed(new Scheme { Iv = new byte[15] }, new byte[32]);
        Malformed(new Scheme { KeyLength = 32 }, new byte[32]);
        Malformed(new Scheme(), new byte[31]);
        Malformed(new Scheme(), []);
        Malformed(new Scheme(), null);
    }

    [Fact]
    public void Weak_iterations_and_empty_passwords_are_not_written()
    {
        using Sm2 key = Sm2.Create();
        Assert.Throws<ArgumentException>(() => Sm2Keys.WriteEncryptedPkcs8PrivateKey(key, "", Sm2KeyEncryption.Sm));
        Assert.Throws<ArgumentOutOfRangeException>(() => Sm2Keys.WriteEncryptedPkcs8PrivateKey(key, "x", new Sm2KeyEncryption(Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSm3, 999)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Sm2Keys.WriteEncryptedPkcs8PrivateKey(key, "x", new Sm2KeyEncryption(Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSm3, 10_000_001)));
    }

    [Fact]
    public void Any_change_of_an_encrypted_key_gives_a_typed_error_or_the_key()
    {
        using Sm2 key = Sm2.Create();
        byte[] der = Sm2Keys.WriteEncryptedPkcs8PrivateKey(key, Password, new Sm2KeyEncryption(Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSm3, 1000));
        // 02 02 03 E8: a change of the iterations would only cost time here.
        int iterations = der.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x02, 0x02, 0x03, 0xE8]);
        Random random = new(3);
        for (int i = 0; i < 600; i++)
        {
            byte[] mutated = DerMutation.Next(random, der);
            if (mutated.AsSpan().IndexOf(der.AsSpan(iterations, 4)) < 0)
            {
                continue;
            }
            try
            {
                using Sm2 read = Sm2Keys.ReadEncryptedPkcs8PrivateKey(mutated, Password);
                Assert.Equal(key.PublicKey.ToArray(), read.PublicKey.ToArray());
            }
            catch (Sm2KeyException e)
            {
                Assert.DoesNotContain(Password, e.ToString(), StringComparison.Ordinal);
            }
        }
    }

    private static string Unsupported(Scheme scheme)
    {
        Sm2KeyException refusal = Assert.Throws<Sm2KeyException>(() => Sm2Keys.ReadEncryptedPkcs8PrivateKey(Pbes2(scheme, new byte[32]), Password));
        Assert.Equal(Sm2KeyError.UnsupportedEncryption, refusal.Error);
        return refusal.Message;
    }

    private static void Malformed(Scheme scheme, byte[]? ciphertext) =>
        Assert.Equal(Sm2KeyError.MalformedDer, Assert.Throws<Sm2KeyException>(() => Sm2Keys.ReadEncryptedPkcs8PrivateKey(Pbes2(scheme, ciphertext), Password)).Error);

    private static byte[] Scalar(Sm2 key)
    {
        byte[] scalar = new byte[32];
        key.ExportPrivateKey(scalar);
        return scalar;
    }

    private static byte[] Crypt(bool encrypt, Sm2KeyCipher cipher, Sm2KeyPrf prf, byte[] salt, int iterations, byte[] iv, byte[] data)
    {
        Pkcs5S2ParametersGenerator kdf = new(prf == Sm2KeyPrf.HmacSm3 ? new SM3Digest() : new Sha256Digest());
        kdf.Init(Encoding.UTF8.GetBytes(Password), salt, iterations);
        KeyParameter key = (KeyParameter)kdf.GenerateDerivedMacParameters(cipher == Sm2KeyCipher.Aes256Cbc ? 256 : 128);
        IBlockCipher engine = cipher == Sm2KeyCipher.Sm4Cbc ? new SM4Engine() : new AesEngine();
        PaddedBufferedBlockCipher cbc = new(new CbcBlockCipher(engine), new Pkcs7Padding());
        cbc.Init(encrypt, new ParametersWithIV(key, iv));
        return cbc.DoFinal(data);
    }

    private sealed record Scheme
    {
        public string Outer { get; init; } = "1.2.840.113549.1.5.13";
        public string Derivation { get; init; } = "1.2.840.113549.1.5.12";
        public string Cipher { get; init; } = "1.2.156.10197.1.104.2";
        public string? Prf { get; init; } = "1.2.156.10197.1.401.2";
        public bool WithNull { get; init; }
        public int? KeyLength { get; init; }
        public long Iterations { get; init; } = EncryptedSm2KeysTests.Iterations;
        public byte[] Salt { get; init; } = new byte[8];
        public byte[] Iv { get; init; } = new byte[16];
    }

    private static byte[] Pbes2(Scheme scheme, byte[]? ciphertext)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(scheme.Outer);
                using (writer.PushSequence())
                {
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(scheme.Derivation);
                        WriteDerivation(writer, scheme);
                    }
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(scheme.Cipher);
                        writer.WriteOctetString(scheme.Iv);
                    }
                }
            }
            if (ciphertext is not null)
            {
                writer.WriteOctetString(ciphertext);
            }
        }
        return writer.Encode();
    }

    private static void WriteDerivation(AsnWriter writer, Scheme scheme)
    {
        using (writer.PushSequence())
        {
            writer.WriteOctetString(scheme.Salt);
            writer.WriteInteger(scheme.Iterations);
            if (scheme.KeyLength is { } length)
            {
                writer.WriteInteger(length);
            }
            if (scheme.Prf is { } prf)
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(prf);
                    if (scheme.WithNull)
                    {
                        writer.WriteNull();
                    }
                }
            }
        }
    }
}
