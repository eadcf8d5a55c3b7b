using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Qanat.Gm;

public static partial class Sm2Keys
{
    private const int BlockBytes = 16;
    private const int SaltBytes = 16;
    private const int MaxSaltBytes = 1024;

    /// <summary>Reads a PKCS#8 EncryptedPrivateKeyInfo: PBES2, PBKDF2 with HMAC-SM3 or HMAC-SHA-2, SM4-CBC or AES-CBC.</summary>
    /// <param name="der">The structure.</param>
    /// <param name="password">The password, used as UTF-8.</param>
    /// <exception cref="Sm2KeyException">Not such a key, another encryption, or a wrong password.</exception>
    public static Sm2 ReadEncryptedPkcs8PrivateKey(ReadOnlyMemory<byte> der, ReadOnlySpan<char> password)
    {
        Pbes2 scheme = ReadEncryptedInfo(der, out ReadOnlyMemory<byte> ciphertext);
        byte[] plaintext = new byte[ciphertext.Length];
        byte[] key = scheme.DeriveKey(password);
        try
        {
            scheme.Decrypt(key, ciphertext.Span, plaintext);
            int length = Unpad(plaintext);
            return length > 0 ? ReadPkcs8PrivateKey(plaintext.AsMemory(0, length)) : throw WrongPassword(null);
        }
        catch (Sm2KeyException e) when (e.Error == Sm2KeyError.MalformedDer)
        {
            throw WrongPassword(e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Writes a PKCS#8 EncryptedPrivateKeyInfo.</summary>
    /// <param name="key">A key with its private part.</param>
    /// <param name="password">The password, used as UTF-8; not empty.</param>
    /// <param name="encryption">How; see <see cref="Sm2KeyEncryption.Sm"/> and <see cref="Sm2KeyEncryption.Aes"/>.</param>
    /// <exception cref="ArgumentException">The password is empty, or the iterations are out of range.</exception>
    public static byte[] WriteEncryptedPkcs8PrivateKey(Sm2 key, ReadOnlySpan<char> password, Sm2KeyEncryption encryption)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(encryption);
        ArgumentOutOfRangeException.ThrowIfLessThan(encryption.Iterations, Sm2KeyEncryption.MinIterations);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(encryption.Iterations, Sm2KeyEncryption.MaxIterations);
        if (password.IsEmpty)
        {
            throw new ArgumentException("An empty password protects nothing.", nameof(password));
        }
        Pbes2 scheme = new()
        {
            Salt = RandomNumberGenerator.GetBytes(SaltBytes),
            Iterations = encryption.Iterations,
            Prf = encryption.Prf == Sm2KeyPrf.HmacSm3 ? GmObjectIdentifiers.HmacSm3 : GmObjectIdentifiers.HmacSha256,
            Cipher = encryption.Cipher switch
            {
                Sm2KeyCipher.Sm4Cbc => GmObjectIdentifiers.Sm4Cbc,
                Sm2KeyCipher.Aes128Cbc => GmObjectIdentifiers.Aes128Cbc,
                _ => GmObjectIdentifiers.Aes256Cbc,
            },
            Iv = RandomNumberGenerator.GetBytes(BlockBytes),
        };
        byte[] plaintext = WritePkcs8PrivateKey(key);
        int padding = BlockBytes - plaintext.Length % BlockBytes;
        byte[] padded = new byte[plaintext.Length + padding];
        byte[] ciphertext = new byte[padded.Length];
        byte[] derived = scheme.DeriveKey(password);
        try
        {
            plaintext.CopyTo(padded, 0);
            padded.AsSpan(plaintext.Length).Fill((byte)padding);
            scheme.Encrypt(derived, padded, ciphertext);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
            CryptographicOperations.ZeroMemory(padded);
            CryptographicOperations.ZeroMemory(derived);
        }
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            scheme.Write(writer);
            writer.WriteOctetString(ciphertext);
        }
        return writer.Encode();
    }

    private static Pbes2 ReadEncryptedInfo(ReadOnlyMemory<byte> der, out ReadOnlyMemory<byte> ciphertext)
    {
        try
        {
            AsnReader reader = new(der, AsnEncodingRules.DER);
            AsnReader info = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            Pbes2 scheme = Pbes2.Read(info.ReadSequence());
            ciphertext = ReadOctets(info, "EncryptedPrivateKeyInfo.encryptedData");
            info.ThrowIfNotEmpty();
            return ciphertext.Length > 0 && ciphertext.Length % BlockBytes == 0
                ? scheme
                : throw new Sm2KeyException(Sm2KeyError.MalformedDer, "EncryptedPrivateKeyInfo.encryptedData is not whole blocks; the file is cut off or damaged");
        }
        catch (AsnContentException e)
        {
            throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"EncryptedPrivateKeyInfo is not strict DER ({e.Message})", e);
        }
    }

    // PKCS#7. A file on disk is no oracle: whoever can send it can also read the answer of the password.
    private static int Unpad(ReadOnlySpan<byte> padded)
    {
        int padding = padded[^1];
        return padding is >= 1 and <= BlockBytes && !padded[^padding..].ContainsAnyExcept((byte)padding) ? padded.Length - padding : -1;
    }

    private static Sm2KeyException WrongPassword(Exception? inner) =>
        new(Sm2KeyError.WrongPassword, "the password does not open the private key (or the file is damaged)", inner);

    /// <summary>The AlgorithmIdentifier of PBES2 with its parameters.</summary>
    private sealed class Pbes2
    {
        public required ReadOnlyMemory<byte> Salt { get; init; }
        public required int Iterations { get; init; }
        public required string Prf { get; init; }
        public required string Cipher { get; init; }
        public required ReadOnlyMemory<byte> Iv { get; init; }

        private int KeyBytes => Cipher switch { GmObjectIdentifiers.Aes256Cbc => 32, GmObjectIdentifiers.Aes192Cbc => 24, _ => 16 };

        public static Pbes2 Read(AsnReader algorithm)
        {
            string scheme = algorithm.ReadObjectIdentifier();
            if (scheme is not (GmObjectIdentifiers.Pbes2 or GmObjectIdentifiers.Pbes2Gmt0091))
            {
                throw Unsupported("encryptionAlgorithm", scheme, "PBES2");
            }
            AsnReader parameters = algorithm.ReadSequence();
            algorithm.ThrowIfNotEmpty();
            AsnReader derivation = parameters.ReadSequence();
            string kdf = derivation.ReadObjectIdentifier();
            if (kdf is not (GmObjectIdentifiers.Pbkdf2 or GmObjectIdentifiers.Pbkdf2Gmt0091))
            {
                throw Unsupported("keyDerivationFunc", kdf, "PBKDF2");
            }
            AsnReader pbkdf2 = derivation.ReadSequence();
            derivation.ThrowIfNotEmpty();
            ReadOnlyMemory<byte> salt = ReadOctets(pbkdf2, "PBKDF2-params.salt");
            if (salt.Length > MaxSaltBytes)
            {
                throw new Sm2KeyException(Sm2KeyError.UnsupportedEncryption, $"PBKDF2-params.salt has {salt.Length} bytes; at most {MaxSaltBytes} are read");
            }
            if (!pbkdf2.TryReadInt32(out int iterations) || iterations is < 1 or > Sm2KeyEncryption.MaxIterations)
            {
                throw new Sm2KeyException(Sm2KeyError.UnsupportedEncryption, $"PBKDF2-params.iterationCount is not within 1 to {Sm2KeyEncryption.MaxIterations}");
            }
            int? keyLength = null;
            if (pbkdf2.HasData && pbkdf2.PeekTag() == Asn1Tag.Integer)
            {
                keyLength = pbkdf2.TryReadInt32(out int stated) ? stated : -1;
            }
            string prf = GmObjectIdentifiers.HmacSha1; // the DEFAULT
            if (pbkdf2.HasData)
            {
                prf = ReadAlgorithmWithoutParameters(pbkdf2);
            }
            pbkdf2.ThrowIfNotEmpty();
            AsnReader encryption = parameters.ReadSequence();
            parameters.ThrowIfNotEmpty();
            string cipher = encryption.ReadObjectIdentifier();
            ReadOnlyMemory<byte> iv = ReadOctets(encryption, "encryptionScheme.parameters");
            encryption.ThrowIfNotEmpty();
            Pbes2 read = new() { Salt = salt, Iterations = iterations, Prf = prf, Cipher = cipher, Iv = iv };
            read.Require(keyLength);
            return read;
        }

        public void Write(AsnWriter writer)
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(GmObjectIdentifiers.Pbes2);
                using (writer.PushSequence())
                {
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(GmObjectIdentifiers.Pbkdf2);
                        using (writer.PushSequence())
                        {
                            writer.WriteOctetString(Salt.Span);
                            writer.WriteInteger(Iterations);
                            using (writer.PushSequence())
                            {
                                writer.WriteObjectIdentifier(Prf);
                                if (Prf != GmObjectIdentifiers.HmacSm3)
                                {
                                    writer.WriteNull(); // RFC 8018 appendix B.1.2; GmSSL takes HMAC-SM3 only without it
                                }
                            }
                        }
                    }
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(Cipher);
                        writer.WriteOctetString(Iv.Span);
                    }
                }
            }
        }

        public byte[] DeriveKey(ReadOnlySpan<char> password)
        {
            byte[] key = new byte[KeyBytes];
            byte[] secret = new byte[Encoding.UTF8.GetMaxByteCount(password.Length)];
            try
            {
                ReadOnlySpan<byte> utf8 = secret.AsSpan(0, Encoding.UTF8.GetBytes(password, secret));
                if (Prf is GmObjectIdentifiers.HmacSm3 or GmObjectIdentifiers.HmacSm3Gmt0091)
                {
                    Pbkdf2Sm3(utf8, Salt.Span, Iterations, key);
                }
                else
                {
                    HashAlgorithmName hash = Prf switch
                    {
                        GmObjectIdentifiers.HmacSha384 => HashAlgorithmName.SHA384,
                        GmObjectIdentifiers.HmacSha512 => HashAlgorithmName.SHA512,
                        _ => HashAlgorithmName.SHA256,
                    };
                    Rfc2898DeriveBytes.Pbkdf2(utf8, Salt.Span, key, Iterations, hash);
                }
                return key;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(secret);
            }
        }

        public void Encrypt(byte[] key, ReadOnlySpan<byte> source, Span<byte> destination)
        {
            if (Cipher == GmObjectIdentifiers.Sm4Cbc)
            {
                using Sm4 sm4 = new(key);
                sm4.EncryptCbc(source, Iv.Span, destination);
                return;
            }
            using Aes aes = Aes.Create();
            aes.Key = key;
            aes.EncryptCbc(source, Iv.Span, destination, PaddingMode.None);
        }

        public void Decrypt(byte[] key, ReadOnlySpan<byte> source, Span<byte> destination)
        {
            if (Cipher == GmObjectIdentifiers.Sm4Cbc)
            {
                using Sm4 sm4 = new(key);
                sm4.DecryptCbc(source, Iv.Span, destination);
                return;
            }
            using Aes aes = Aes.Create();
            aes.Key = key;
            aes.DecryptCbc(source, Iv.Span, destination, PaddingMode.None);
        }

        private void Require(int? keyLength)
        {
            if (Prf is not (GmObjectIdentifiers.HmacSm3 or GmObjectIdentifiers.HmacSm3Gmt0091 or GmObjectIdentifiers.HmacSha256 or GmObjectIdentifiers.HmacSha384 or GmObjectIdentifiers.HmacSha512))
            {
                throw Unsupported("PBKDF2-params.prf", Prf == GmObjectIdentifiers.HmacSha1 ? "HMAC-SHA1" : Prf, "HMAC-SM3 or HMAC-SHA256");
            }
            if (Cipher is not (GmObjectIdentifiers.Sm4Cbc or GmObjectIdentifiers.Aes128Cbc or GmObjectIdentifiers.Aes192Cbc or GmObjectIdentifiers.Aes256Cbc))
            {
                throw Unsupported("encryptionScheme", Cipher, "SM4-CBC or AES-CBC");
            }
            if (Iv.Length != BlockBytes)
            {
                throw new Sm2KeyException(Sm2KeyError.MalformedDer, $"encryptionScheme.parameters is not an IV of {BlockBytes} bytes");
            }
            if (keyLength is { } stated && stated != KeyBytes)
            {
                throw new Sm2KeyException(Sm2KeyError.MalformedDer, "PBKDF2-params.keyLength is not that of the cipher");
            }
        }

        private static string ReadAlgorithmWithoutParameters(AsnReader reader)
        {
            AsnReader algorithm = reader.ReadSequence();
            string oid = algorithm.ReadObjectIdentifier();
            if (algorithm.HasData)
            {
                algorithm.ReadNull();
            }
            algorithm.ThrowIfNotEmpty();
            return oid;
        }

        private static Sm2KeyException Unsupported(string field, string found, string wanted) =>
            new(Sm2KeyError.UnsupportedEncryption, $"{field} of the encrypted key is {Show(found)}; {wanted} is read. Convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256");
    }
}
