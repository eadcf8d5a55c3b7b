using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Signatures by GB/T 32918.2.</summary>
public sealed partial class Sm2
{
    /// <summary>Bytes of a signature as r, s, each 32 bytes big-endian.</summary>
    public const int SignatureSizeInBytes = 64;

    /// <summary>The most bytes that a DER signature takes.</summary>
    public const int MaxDerSignatureSizeInBytes = Sm2SignatureFormat.MaxDerSize;

    /// <summary>The longest user id: its length in bits is sent in two bytes.</summary>
    public const int MaxUserIdSizeInBytes = 8191;

    /// <summary>Longer ids are hashed each time.</summary>
    private const int MaxKeptUserIdSizeInBytes = 64;

    // A key is mostly used under one id: its Z is four compressions that are spared from then on. Nothing in it is secret, and threads that come at once write the same.
    private volatile KnownZ? _lastZ;

    /// <summary>
    /// Z = SM3(bits of the id, id, a, b, x_G, y_G, x_A, y_A): who signs, with which key and curve (GB/T 32918.2 section 5.5). 32 bytes.
    /// </summary>
    /// <exception cref="ArgumentException">The id is longer than 8,191 bytes, or <paramref name="destination"/> is not 32 bytes.</exception>
    public void ComputeZ(ReadOnlySpan<byte> userId, Span<byte> destination)
    {
        Sm2Arguments.RequireLength(destination, Sm3.HashSizeInBytes, nameof(destination));
        if (_lastZ is { } last && userId.SequenceEqual(last.UserId))
        {
            last.Z.CopyTo(destination);
            return;
        }
        if (userId.Length > MaxUserIdSizeInBytes) throw new ArgumentException($"An SM2 user id is at most {MaxUserIdSizeInBytes} bytes, not {userId.Length}.", nameof(userId));
        Span<byte> bits = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bits, (ushort)(8 * userId.Length));
        Sm3State hash = Sm3State.Create();
        hash.Append(bits);
        hash.Append(userId);
        hash.Append(CurveBytes);
        hash.Append(_publicKey.AsSpan(1));
        hash.Finish(destination);
        if (userId.Length <= MaxKeptUserIdSizeInBytes) _lastZ = new KnownZ(userId.ToArray(), destination.ToArray());
    }

    /// <summary>e = SM3(Z, data): the number that is signed (GB/T 32918.2 section 6.1, steps A1 and A2). 32 bytes.</summary>
    /// <exception cref="ArgumentException">The id is longer than 8,191 bytes, or <paramref name="destination"/> is not 32 bytes.</exception>
    public void ComputeHash(ReadOnlySpan<byte> data, ReadOnlySpan<byte> userId, Span<byte> destination)
    {
        ComputeZ(userId, destination);
        Sm3State hash = Sm3State.Create();
        hash.Append(destination);
        hash.Append(data);
        hash.Finish(destination);
    }

    /// <summary>Signs <paramref name="data"/> for <paramref name="userId"/> (mostly <see cref="DefaultUserId"/>).</summary>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public byte[] SignData(ReadOnlySpan<byte> data, ReadOnlySpan<byte> userId, DSASignatureFormat format)
    {
        Span<byte> hash = stackalloc byte[Sm3.HashSizeInBytes];
        ComputeHash(data, userId, hash);
        return SignHash(hash, format);
    }

    /// <summary>True if <paramref name="signature"/> is this key's for the data and the id. A malformed signature is a wrong one.</summary>
    public bool VerifyData(ReadOnlySpan<byte> data, ReadOnlySpan<byte> userId, ReadOnlySpan<byte> signature, DSASignatureFormat format)
    {
        Span<byte> hash = stackalloc byte[Sm3.HashSizeInBytes];
        ComputeHash(data, userId, hash);
        return VerifyHash(hash, signature, format);
    }

    /// <summary>Signs e of 32 bytes (<see cref="ComputeHash"/>).</summary>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public byte[] SignHash(ReadOnlySpan<byte> hash, DSASignatureFormat format)
    {
        Span<byte> signature = stackalloc byte[MaxDerSignatureSizeInBytes];
        int length = SignHash(hash, signature, format);
        return signature[..length].ToArray();
    }

    /// <summary>
    /// Signs e of 32 bytes into <paramref name="destination"/> and returns the length: 64, or at most 72 for DER. The nonce is HMAC-SM3 under the private key of e and 16 fresh
    /// random bytes: random numbers that repeat or are known do not give the key away, and faults do not meet the same nonce twice. Allocates nothing.
    /// </summary>
    /// <exception cref="ArgumentException">The hash is not 32 bytes, or the destination is too short.</exception>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public int SignHash(ReadOnlySpan<byte> hash, Span<byte> destination, DSASignatureFormat format)
    {
        Sm2Arguments.RequireLength(hash, Sm3.HashSizeInBytes, nameof(hash));
        int needed = Sm2SignatureFormat.MaxSize(format);
        if (destination.Length < needed) throw new ArgumentException($"destination must have {needed} bytes, not {destination.Length}.", nameof(destination));
        ref readonly Secret secret = ref RequireSigningSecret();
        Limbs e = Scalar.Reduce(Limbs.FromBytes(hash));
        Sm2Nonce nonce = new(hash);
        Limbs k = default;
        try
        {
            while (true)
            {
                k = nonce.Next(secret.NonceKey);
                Sm2Curve.MultiplyBase(out JacobianPoint product, k);
                product.ToAffine(out AffinePoint point);
                if (TryFinishSignature(secret, e, k, FieldElement.FromMontgomery(point.X), out Limbs r, out Limbs s)) return Sm2SignatureFormat.Write(r, s, destination, format);
            }
        }
        finally
        {
            Clear(ref k);
            nonce.Clear();
        }
    }

    /// <summary>True if <paramref name="signature"/> is this key's for e of 32 bytes. A malformed signature is a wrong one. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">The hash is not 32 bytes.</exception>
    public bool VerifyHash(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, DSASignatureFormat format)
    {
        Sm2Arguments.RequireLength(hash, Sm3.HashSizeInBytes, nameof(hash));
        if (!Sm2SignatureFormat.TryRead(signature, format, out Limbs r, out Limbs s)) return false;
        Limbs t = Scalar.Add(r, s);
        if (t.IsZero) return false;
        Sm2Curve.MultiplyPublic(out JacobianPoint sum, s, new JacobianPoint(_point), t);
        return MatchesX(sum, Scalar.Subtract(r, Scalar.Reduce(Limbs.FromBytes(hash))));
    }

    /// <summary>
    /// r = (e + x) mod n and s = (k + r) / (1 + d) - r, which is (k - r d) / (1 + d); false if another nonce is needed (r = 0, r + k = n or s = 0; one in 2^254).
    /// </summary>
    internal static bool TryFinishSignature(in Secret secret, in Limbs e, in Limbs k, in Limbs x, out Limbs r, out Limbs s)
    {
        r = Scalar.Add(e, Scalar.Reduce(x));
        Limbs sum = Scalar.Add(k, r);
        s = Scalar.Subtract(Scalar.Multiply(sum, secret.InverseOfOnePlusD), r);
        bool usable = !(r.IsZero | sum.IsZero | s.IsZero);
        Clear(ref sum);
        return usable;
    }

    /// <summary>Is the x coordinate of the point, modulo n, this number? Compares X with x Z^2 for both numbers below p that are x modulo n, which spares the inversion.</summary>
    internal static bool MatchesX(in JacobianPoint point, in Limbs x)
    {
        if (point.IsInfinity) return false;
        FieldElement.Square(out Limbs square, point.Z);
        FieldElement.Multiply(out Limbs candidate, FieldElement.ToMontgomery(x), square);
        if (candidate.EqualTo(point.X)) return true;
        Limbs other = Limbs.Add(x, Scalar.Order, out ulong carry);
        if ((carry | (1 ^ other.Below(FieldElement.Modulus))) != 0) return false;
        FieldElement.Multiply(out candidate, FieldElement.ToMontgomery(other), square);
        return candidate.EqualTo(point.X);
    }

    /// <summary>a, b, x_G, y_G as 32 bytes each (GB/T 32918.5).</summary>
    private static ReadOnlySpan<byte> CurveBytes =>
    [
        0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC,
        0x28, 0xE9, 0xFA, 0x9E, 0x9D, 0x9F, 0x5E, 0x34, 0x4D, 0x5A, 0x9E, 0x4B, 0xCF, 0x65, 0x09, 0xA7, 0xF3, 0x97, 0x89, 0xF5, 0x15, 0xAB, 0x8F, 0x92, 0xDD, 0xBC, 0xBD, 0x41, 0x4D, 0x94, 0x0E, 0x93,
        0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94, 0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
        0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53, 0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
    ];

    private sealed record KnownZ(byte[] UserId, byte[] Z);
}
