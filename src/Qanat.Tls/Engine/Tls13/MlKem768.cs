using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>
/// A decapsulation key of ML-KEM-768 (FIPS 203) for one key exchange. The platform's own implementation where it has one (OpenSSL 3.5 and later), otherwise BouncyCastle's.
/// </summary>
internal sealed class MlKem768 : IDisposable
{
    public const int EncapsulationKeyLength = 1184;
    public const int CiphertextLength = 1088;
    public const int SharedSecretLength = 32;

    private readonly MLKem? _native;
    private readonly MLKemPrivateKeyParameters? _managed;

    private MlKem768(MLKem native)
    {
        _native = native;
        EncapsulationKey = native.ExportEncapsulationKey();
    }

    private MlKem768(MLKemPrivateKeyParameters managed)
    {
        _managed = managed;
        EncapsulationKey = managed.GetPublicKeyEncoded();
    }

    /// <summary>What the peer encapsulates to: 1184 bytes.</summary>
    public byte[] EncapsulationKey { get; }

    /// <summary>Makes a key.</summary>
    /// <param name="native">Which implementation; the tests run both where both exist.</param>
    public static MlKem768 Create(bool? native = null)
    {
        if (native ?? MLKem.IsSupported)
        {
            return new MlKem768(MLKem.GenerateKey(MLKemAlgorithm.MLKem768));
        }
        MLKemKeyPairGenerator generator = new();
        generator.Init(new MLKemKeyGenerationParameters(new SecureRandom(), MLKemParameters.ml_kem_768));
        AsymmetricCipherKeyPair pair = generator.GenerateKeyPair();
        return new MlKem768((MLKemPrivateKeyParameters)pair.Private);
    }

    /// <summary>Makes a shared secret and encapsulates it. False for an encapsulation key that is not one (FIPS 203 section 7.2).</summary>
    /// <param name="encapsulationKey">The peer's; any length.</param>
    /// <param name="ciphertext">1088 bytes, written.</param>
    /// <param name="sharedSecret">32 bytes, written.</param>
    /// <param name="native">Which implementation.</param>
    public static bool TryEncapsulate(ReadOnlySpan<byte> encapsulationKey, Span<byte> ciphertext, Span<byte> sharedSecret, bool? native = null)
    {
        if (encapsulationKey.Length != EncapsulationKeyLength)
        {
            return false;
        }
        try
        {
            if (native ?? MLKem.IsSupported)
            {
                using MLKem key = MLKem.ImportEncapsulationKey(MLKemAlgorithm.MLKem768, encapsulationKey);
                key.Encapsulate(ciphertext, sharedSecret);
                return true;
            }
            MLKemEncapsulator encapsulator = new(MLKemParameters.ml_kem_768);
            encapsulator.Init(MLKemPublicKeyParameters.FromEncoding(MLKemParameters.ml_kem_768, encapsulationKey.ToArray()));
            byte[] encapsulated = new byte[CiphertextLength], secret = new byte[SharedSecretLength];
            encapsulator.Encapsulate(encapsulated, 0, encapsulated.Length, secret, 0, secret.Length);
            encapsulated.CopyTo(ciphertext);
            secret.CopyTo(sharedSecret);
            CryptographicOperations.ZeroMemory(secret);
            return true;
        }
        // Both implementations say so when a coefficient is not below q.
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Recovers the shared secret. A ciphertext of the right length that was not made for this key gives another secret and no error (FIPS 203 section 6.3); one of another length is false.</summary>
    public bool TryDecapsulate(ReadOnlySpan<byte> ciphertext, Span<byte> sharedSecret)
    {
        if (ciphertext.Length != CiphertextLength)
        {
            return false;
        }
        if (_native is not null)
        {
            _native.Decapsulate(ciphertext, sharedSecret);
            return true;
        }
        MLKemDecapsulator decapsulator = new(MLKemParameters.ml_kem_768);
        decapsulator.Init(_managed);
        byte[] secret = new byte[SharedSecretLength];
        decapsulator.Decapsulate(ciphertext.ToArray(), 0, CiphertextLength, secret, 0, secret.Length);
        secret.CopyTo(sharedSecret);
        CryptographicOperations.ZeroMemory(secret);
        return true;
    }

    public void Dispose() => _native?.Dispose();
}
