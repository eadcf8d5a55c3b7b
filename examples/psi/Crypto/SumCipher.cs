using System.Security.Cryptography;

namespace Psi.Crypto;

/// <summary>
/// Additively homomorphic encryption of small numbers: ElGamal with the number in the exponent, on ristretto255.
/// A ciphertext is (r·G, r·K + v·G), 64 bytes; the sum of ciphertexts encrypts the sum of the numbers. Semantically secure under DDH.
/// </summary>
internal sealed class SumCipher : IDisposable
{
    internal const int CiphertextBytes = 2 * Ristretto.PointBytes;
    private readonly SecretScalar _secret = new();

    internal SumCipher()
    {
        PublicKey = new byte[Ristretto.PointBytes];
        Ristretto.MultiplyBase(_secret.Bytes, PublicKey);
    }

    /// <summary>K = secret · G.</summary>
    internal byte[] PublicKey { get; }

    /// <summary>Encrypts with the secret key at hand: r·K + v·G = (r·secret + v)·G, two multiplications of the base point.</summary>
    internal void Encrypt(long value, Span<byte> ciphertext)
    {
        Span<byte> randomness = stackalloc byte[Ristretto.ScalarBytes];
        Span<byte> exponent = stackalloc byte[Ristretto.ScalarBytes];
        Span<byte> number = stackalloc byte[Ristretto.ScalarBytes];
        Ristretto.RandomScalar(randomness);
        Ristretto.SmallScalar(value, number);
        Ristretto.MultiplyScalars(randomness, _secret.Bytes, exponent);
        Ristretto.AddScalars(exponent, number, exponent);
        Ristretto.MultiplyBase(randomness, ciphertext[..Ristretto.PointBytes]);
        Ristretto.MultiplyBase(exponent, ciphertext[Ristretto.PointBytes..CiphertextBytes]);
        CryptographicOperations.ZeroMemory(randomness);
        CryptographicOperations.ZeroMemory(exponent);
        CryptographicOperations.ZeroMemory(number);
    }

    /// <summary>v·G of a ciphertext. False when it holds no valid points.</summary>
    internal bool TryDecrypt(ReadOnlySpan<byte> ciphertext, Span<byte> point)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(ciphertext.Length, CiphertextBytes);
        Span<byte> shared = stackalloc byte[Ristretto.PointBytes];
        return Ristretto.TryMultiply(_secret.Bytes, ciphertext[..Ristretto.PointBytes], shared)
            && Ristretto.TrySubtract(ciphertext[Ristretto.PointBytes..], shared, point);
    }

    /// <summary>Adds a ciphertext to a running sum, which starts as 64 zero bytes. False when it holds no valid points.</summary>
    internal static bool TryAccumulate(Span<byte> sum, ReadOnlySpan<byte> ciphertext)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sum.Length, CiphertextBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(ciphertext.Length, CiphertextBytes);
        return Ristretto.TryAdd(sum[..Ristretto.PointBytes], ciphertext[..Ristretto.PointBytes], sum[..Ristretto.PointBytes])
            && Ristretto.TryAdd(sum[Ristretto.PointBytes..], ciphertext[Ristretto.PointBytes..], sum[Ristretto.PointBytes..]);
    }

    /// <summary>
    /// Adds the mask to the number and new randomness to both halves: the result is a uniform pair of points that says nothing about the sum,
    /// not even to the owner of the secret key.
    /// </summary>
    internal static bool TryMask(Span<byte> sum, ReadOnlySpan<byte> publicKey, SecretScalar mask)
    {
        using SecretScalar randomness = new();
        Span<byte> pair = stackalloc byte[CiphertextBytes];
        Span<byte> masked = stackalloc byte[Ristretto.PointBytes];
        Ristretto.MultiplyBase(randomness.Bytes, pair[..Ristretto.PointBytes]);
        Ristretto.MultiplyBase(mask.Bytes, masked);
        return Ristretto.TryMultiply(randomness.Bytes, publicKey, pair[Ristretto.PointBytes..])
            && Ristretto.TryAdd(pair[Ristretto.PointBytes..], masked, pair[Ristretto.PointBytes..])
            && TryAccumulate(sum, pair);
    }

    public void Dispose() => _secret.Dispose();
}
