using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM2 operations on many independent inputs. With AVX-512, eight run in the lanes of the vectors at once, several times as fast as one after the other; elsewhere, and for one or two
/// that are left over, each runs alone. The results are the same. Secrets are treated in constant time as in <see cref="Sm2"/>. Thread-safe; allocates nothing.
/// </summary>
public static class Sm2Batch
{
    /// <summary>Inputs that run at once; batches should be multiples of it.</summary>
    public const int PreferredSize = 8;

    /// <summary>Fewer than these cost less one by one.</summary>
    private const int SmallestGroup = 3;

    /// <summary>True if the processor runs eight at once.</summary>
    public static bool IsAccelerated => FieldLanes.IsSupported;

    /// <summary>
    /// Signs hash i (32 bytes each, one after the other) with key i into 64 bytes r, s each, like <see cref="Sm2.SignHash(ReadOnlySpan{byte}, Span{byte}, DSASignatureFormat)"/>.
    /// One key may stand several times.
    /// </summary>
    /// <exception cref="ArgumentException">The spans do not fit each other.</exception>
    /// <exception cref="InvalidOperationException">A key is a public key.</exception>
    public static void SignHashes(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> hashes, Span<byte> signatures)
    {
        Sm2Arguments.RequireLength(hashes, checked(keys.Length * Sm3.HashSizeInBytes), nameof(hashes));
        Sm2Arguments.RequireLength(signatures, checked(keys.Length * Sm2.SignatureSizeInBytes), nameof(signatures));
        for (int i = 0; i < keys.Length;)
        {
            int count = GroupSize(keys.Length - i);
            ReadOnlySpan<byte> hash = hashes.Slice(i * Sm3.HashSizeInBytes, count * Sm3.HashSizeInBytes);
            Span<byte> signature = signatures.Slice(i * Sm2.SignatureSizeInBytes, count * Sm2.SignatureSizeInBytes);
            if (count == 1) keys[i].SignHash(hash, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            else Sm2BatchGroup.Sign(keys.Slice(i, count), hash, signature);
            i += count;
        }
    }

    /// <summary>
    /// Verifies signature i (64 bytes r, s each) of hash i (32 bytes each) with key i, like <see cref="Sm2.VerifyHash"/>. Each gets its own result: this is no aggregate check.
    /// </summary>
    /// <exception cref="ArgumentException">The spans do not fit each other.</exception>
    public static void VerifyHashes(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> hashes, ReadOnlySpan<byte> signatures, Span<bool> results)
    {
        Sm2Arguments.RequireLength(hashes, checked(keys.Length * Sm3.HashSizeInBytes), nameof(hashes));
        Sm2Arguments.RequireLength(signatures, checked(keys.Length * Sm2.SignatureSizeInBytes), nameof(signatures));
        RequireResults(keys.Length, results);
        for (int i = 0; i < keys.Length;)
        {
            int count = GroupSize(keys.Length - i);
            ReadOnlySpan<byte> hash = hashes.Slice(i * Sm3.HashSizeInBytes, count * Sm3.HashSizeInBytes);
            ReadOnlySpan<byte> signature = signatures.Slice(i * Sm2.SignatureSizeInBytes, count * Sm2.SignatureSizeInBytes);
            if (count == 1) results[i] = keys[i].VerifyHash(hash, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            else Sm2BatchGroup.Verify(keys.Slice(i, count), hash, signature, results.Slice(i, count));
            i += count;
        }
    }

    /// <summary>
    /// ECDH: writes the x coordinate (32 bytes each) of private key i times point i (65 bytes each), like <see cref="Sm2.DeriveRawSecretAgreement(ReadOnlySpan{byte}, Span{byte})"/>.
    /// Where a point is not valid the result is false and the secret zeros; the others are not affected.
    /// </summary>
    /// <exception cref="ArgumentException">The spans do not fit each other.</exception>
    /// <exception cref="InvalidOperationException">A key is a public key.</exception>
    public static void DeriveRawSecretAgreements(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> peerPoints, Span<byte> secrets, Span<bool> results)
    {
        Sm2Arguments.RequireLength(peerPoints, checked(keys.Length * Sm2.PublicKeySizeInBytes), nameof(peerPoints));
        Sm2Arguments.RequireLength(secrets, checked(keys.Length * Sm2.KeySizeInBytes), nameof(secrets));
        RequireResults(keys.Length, results);
        for (int i = 0; i < keys.Length;)
        {
            int count = GroupSize(keys.Length - i);
            ReadOnlySpan<byte> point = peerPoints.Slice(i * Sm2.PublicKeySizeInBytes, count * Sm2.PublicKeySizeInBytes);
            Span<byte> secret = secrets.Slice(i * Sm2.KeySizeInBytes, count * Sm2.KeySizeInBytes);
            if (count == 1)
            {
                results[i] = Sm2Point.IsValid(point);
                if (results[i]) keys[i].DeriveRawSecretAgreement(point, secret);
                else secret.Clear();
            }
            else
            {
                Sm2BatchGroup.Agree(keys.Slice(i, count), point, secret, results.Slice(i, count));
            }
            i += count;
        }
    }

    private static int GroupSize(int left) => IsAccelerated && left >= SmallestGroup ? int.Min(left, PreferredSize) : 1;

    private static void RequireResults(int length, Span<bool> results)
    {
        if (results.Length != length) throw new ArgumentException($"results must have {length} elements, one for each key, not {results.Length}.", nameof(results));
    }
}
