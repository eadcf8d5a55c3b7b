using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Encryption by GB/T 32918.4.</summary>
public sealed partial class Sm2
{
    /// <summary>The longest plaintext: 16 MiB, a bound of this implementation. The scheme is meant for keys.</summary>
    public const int MaxPlaintextSizeInBytes = 1 << 24;

    private const string DecryptionFailed = "SM2 decryption failed: the ciphertext is malformed, was changed, or is for another key.";
    private const int RawOverhead = PublicKeySizeInBytes + Sm3.HashSizeInBytes;

    /// <summary>Encrypts <paramref name="plaintext"/> for this key, from 1 byte to 16 MiB.</summary>
    /// <exception cref="ArgumentException">The plaintext is empty (the scheme has no ciphertext for it) or too long.</exception>
    public byte[] Encrypt(ReadOnlySpan<byte> plaintext, Sm2CipherFormat format)
    {
        if (plaintext.Length is 0 or > MaxPlaintextSizeInBytes) throw new ArgumentException($"plaintext must be 1 to {MaxPlaintextSizeInBytes} bytes, not {plaintext.Length}.", nameof(plaintext));
        RequireCipherFormat(format);
        byte[] raw = new byte[RawOverhead + plaintext.Length];
        Limbs k = default;
        try
        {
            do k = Scalar.Random(s_largestScalar);
            while (!TryEncrypt(k, plaintext, raw));
        }
        finally
        {
            Clear(ref k);
        }
        return format == Sm2CipherFormat.C1C3C2 ? raw : ToAsn1(raw);
    }

    /// <summary>Decrypts a ciphertext for this key.</summary>
    /// <exception cref="CryptographicException">The ciphertext cannot be decrypted; the message does not tell why.</exception>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public byte[] Decrypt(ReadOnlySpan<byte> ciphertext, Sm2CipherFormat format)
    {
        byte[] plaintext = new byte[ciphertext.Length];
        try
        {
            if (!TryDecrypt(ciphertext, format, plaintext, out int bytesWritten)) throw new CryptographicException(DecryptionFailed);
            return plaintext.AsSpan(0, bytesWritten).ToArray();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>
    /// Decrypts a ciphertext for this key into <paramref name="destination"/>; false if it cannot be decrypted, and then the destination holds zeros where it was touched.
    /// Whether C3 matched is not told by the time before the return, so that a protocol can go on with random bytes (the premaster secret of TLCP).
    /// </summary>
    /// <exception cref="ArgumentException">The destination is shorter than the plaintext; the length of the ciphertext is always enough.</exception>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public bool TryDecrypt(ReadOnlySpan<byte> ciphertext, Sm2CipherFormat format, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        RequireCipherFormat(format);
        ref readonly Secret secret = ref RequireSecret();
        Span<byte> point = stackalloc byte[PublicKeySizeInBytes];
        if (!TrySplit(ciphertext, format, point, out ReadOnlySpan<byte> c3, out ReadOnlySpan<byte> c2)) return false;
        if (destination.Length < c2.Length) throw new ArgumentException($"destination must have {c2.Length} bytes, not {destination.Length}.", nameof(destination));
        if (!Sm2Point.TryDecode(point, out AffinePoint c1)) return false;
        Span<byte> shared = stackalloc byte[PublicKeySizeInBytes];
        Span<byte> check = stackalloc byte[Sm3.HashSizeInBytes], sent = stackalloc byte[Sm3.HashSizeInBytes];
        // The destination may lie over the ciphertext.
        c3.CopyTo(sent);
        Span<byte> plaintext = destination[..c2.Length];
        Sm2Curve.Multiply(out JacobianPoint product, new JacobianPoint(c1), secret.D);
        try
        {
            product.ToAffine(out AffinePoint affine);
            Sm2Point.Encode(affine, shared);
            Clear(ref affine);
            byte[]? copy = plaintext.Overlaps(c2) ? c2.ToArray() : null;
            Sm3Kdf.DeriveKey(shared[1..], plaintext);
            bool usable = AnyBitSet(plaintext);
            Xor(plaintext, copy ?? c2);
            ComputeC3(shared, plaintext, check);
            bool valid = usable & CryptographicOperations.FixedTimeEquals(check, sent);
            if (!valid) CryptographicOperations.ZeroMemory(plaintext);
            bytesWritten = valid ? plaintext.Length : 0;
            return valid;
        }
        finally
        {
            Clear(ref product);
            CryptographicOperations.ZeroMemory(shared);
            CryptographicOperations.ZeroMemory(check);
        }
    }

    /// <summary>Encrypts with the nonce k into C1C3C2; false if the key stream is all zeros, which asks for another nonce (GB/T 32918.4 section 6.1, step A5).</summary>
    internal bool TryEncrypt(in Limbs k, ReadOnlySpan<byte> plaintext, Span<byte> raw)
    {
        Span<byte> shared = stackalloc byte[PublicKeySizeInBytes];
        Sm2Curve.MultiplyBase(out JacobianPoint product, k);
        product.ToAffine(out AffinePoint affine);
        Sm2Point.Encode(affine, raw);
        Sm2Curve.Multiply(out product, new JacobianPoint(_point), k);
        product.ToAffine(out affine);
        Sm2Point.Encode(affine, shared);
        Clear(ref product);
        Clear(ref affine);
        Span<byte> c2 = raw.Slice(RawOverhead, plaintext.Length);
        Sm3Kdf.DeriveKey(shared[1..], c2);
        bool usable = AnyBitSet(c2);
        Xor(c2, plaintext);
        ComputeC3(shared, plaintext, raw.Slice(PublicKeySizeInBytes, Sm3.HashSizeInBytes));
        CryptographicOperations.ZeroMemory(shared);
        return usable;
    }

    private static readonly Limbs s_largestScalar = Limbs.Subtract(Scalar.Order, new Limbs(1, 0, 0, 0), out _);

    /// <summary>C3 = SM3(x2, plaintext, y2).</summary>
    private static void ComputeC3(ReadOnlySpan<byte> shared, ReadOnlySpan<byte> plaintext, Span<byte> c3)
    {
        Sm3State hash = Sm3State.Create();
        hash.Append(shared.Slice(1, KeySizeInBytes));
        hash.Append(plaintext);
        hash.Append(shared.Slice(1 + KeySizeInBytes, KeySizeInBytes));
        hash.Finish(c3);
        hash.Clear();
    }

    private static bool TrySplit(ReadOnlySpan<byte> ciphertext, Sm2CipherFormat format, Span<byte> point, out ReadOnlySpan<byte> c3, out ReadOnlySpan<byte> c2)
    {
        c3 = c2 = default;
        if (format == Sm2CipherFormat.C1C3C2)
        {
            if (ciphertext.Length <= RawOverhead) return false;
            ciphertext[..PublicKeySizeInBytes].CopyTo(point);
            c3 = ciphertext.Slice(PublicKeySizeInBytes, Sm3.HashSizeInBytes);
            c2 = ciphertext[RawOverhead..];
        }
        else
        {
            try
            {
                AsnDecoder.ReadSequence(ciphertext, AsnEncodingRules.DER, out int offset, out int length, out int consumed);
                if (consumed != ciphertext.Length) return false;
                ReadOnlySpan<byte> content = ciphertext.Slice(offset, length);
                point[0] = 0x04;
                Sm2SignatureFormat.ReadInteger(ref content).WriteBytes(point.Slice(1, KeySizeInBytes));
                Sm2SignatureFormat.ReadInteger(ref content).WriteBytes(point.Slice(1 + KeySizeInBytes, KeySizeInBytes));
                if (!AsnDecoder.TryReadPrimitiveOctetString(content, AsnEncodingRules.DER, out c3, out consumed) || c3.Length != Sm3.HashSizeInBytes) return false;
                content = content[consumed..];
                if (!AsnDecoder.TryReadPrimitiveOctetString(content, AsnEncodingRules.DER, out c2, out consumed) || consumed != content.Length) return false;
            }
            catch (AsnContentException)
            {
                return false;
            }
        }
        return c2.Length is > 0 and <= MaxPlaintextSizeInBytes;
    }

    private static byte[] ToAsn1(ReadOnlySpan<byte> raw)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(TrimZeros(raw.Slice(1, KeySizeInBytes)));
            writer.WriteIntegerUnsigned(TrimZeros(raw.Slice(1 + KeySizeInBytes, KeySizeInBytes)));
            writer.WriteOctetString(raw.Slice(PublicKeySizeInBytes, Sm3.HashSizeInBytes));
            writer.WriteOctetString(raw[RawOverhead..]);
        }
        return writer.Encode();
    }

    private static ReadOnlySpan<byte> TrimZeros(ReadOnlySpan<byte> bytes)
    {
        int zeros = bytes.IndexOfAnyExcept((byte)0);
        return zeros < 0 ? bytes[^1..] : bytes[zeros..];
    }

    private static bool AnyBitSet(ReadOnlySpan<byte> bytes)
    {
        int any = 0;
        foreach (byte value in bytes) any |= value;
        return any != 0;
    }

    private static void Xor(Span<byte> target, ReadOnlySpan<byte> other)
    {
        int i = 0;
        for (; i <= target.Length - Vector<byte>.Count; i += Vector<byte>.Count) (new Vector<byte>(target[i..]) ^ new Vector<byte>(other[i..])).CopyTo(target[i..]);
        for (; i < target.Length; i++) target[i] ^= other[i];
    }

    private static void RequireCipherFormat(Sm2CipherFormat format)
    {
        if (format is not (Sm2CipherFormat.C1C3C2 or Sm2CipherFormat.Asn1)) throw new ArgumentOutOfRangeException(nameof(format), format, "The format must be C1C3C2 or Asn1.");
    }
}
