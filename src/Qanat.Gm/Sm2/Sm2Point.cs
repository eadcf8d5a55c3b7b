using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// Points of sm2p256v1 as bytes (GB/T 32918.1 section 4.2.9, the forms of SEC 1 section 2.3.3). Keys and ciphertexts take the uncompressed form only; a compressed point is
/// first brought to it with <see cref="TryDecompress"/>. Points are public: the time may depend on them. Thread-safe.
/// </summary>
public static class Sm2Point
{
    /// <summary>Bytes of an uncompressed point: 0x04, x, y.</summary>
    public const int UncompressedSizeInBytes = 65;

    /// <summary>Bytes of a compressed point: 0x02 or 0x03 (the parity of y), x.</summary>
    public const int CompressedSizeInBytes = 33;

    /// <summary>
    /// True if <paramref name="point"/> is 65 bytes, begins with 0x04, has both coordinates below p and lies on the curve. Infinity has no such form, and since the cofactor is 1,
    /// a point on the curve is in the group (GB/T 32918.1 section 6.2).
    /// </summary>
    public static bool IsValid(ReadOnlySpan<byte> point) => TryDecode(point, out _);

    /// <summary>Writes the compressed form of a valid point.</summary>
    /// <exception cref="CryptographicException">The point is not valid.</exception>
    /// <exception cref="ArgumentException"><paramref name="compressed"/> is not 33 bytes.</exception>
    public static void Compress(ReadOnlySpan<byte> point, Span<byte> compressed)
    {
        Sm2Arguments.RequireLength(compressed, CompressedSizeInBytes, nameof(compressed));
        if (!IsValid(point)) throw new CryptographicException(Sm2Arguments.InvalidPoint);
        byte form = (byte)(0x02 | (point[64] & 1));
        point.Slice(1, 32).CopyTo(compressed[1..]);
        compressed[0] = form;
    }

    /// <summary>Writes the uncompressed form of a compressed point; false if it is not 33 bytes beginning with 0x02 or 0x03, if x is not below p, or if no point has this x.</summary>
    /// <exception cref="ArgumentException"><paramref name="uncompressed"/> is not 65 bytes.</exception>
    public static bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> uncompressed)
    {
        Sm2Arguments.RequireLength(uncompressed, UncompressedSizeInBytes, nameof(uncompressed));
        if (compressed.Length != CompressedSizeInBytes || compressed[0] is not (0x02 or 0x03)) return false;
        Limbs x = Limbs.FromBytes(compressed[1..]);
        if (x.Below(FieldElement.Modulus) == 0) return false;
        AffinePoint point;
        point.X = FieldElement.ToMontgomery(x);
        Sm2Curve.RightSide(out Limbs square, point.X);
        if (!FieldElement.TrySquareRoot(out point.Y, square)) return false;
        // y = 0 would be a point of order 2; the group has none.
        ulong odd = FieldElement.FromMontgomery(point.Y).L0 & 1;
        FieldElement.NegateIf(out point.Y, 0 - (odd ^ (compressed[0] & 1UL)), point.Y);
        Encode(point, uncompressed);
        return true;
    }

    internal static bool TryDecode(ReadOnlySpan<byte> point, out AffinePoint decoded)
    {
        decoded = default;
        if (point.Length != UncompressedSizeInBytes || point[0] != 0x04) return false;
        Limbs x = Limbs.FromBytes(point[1..]), y = Limbs.FromBytes(point[33..]);
        if ((x.Below(FieldElement.Modulus) & y.Below(FieldElement.Modulus)) == 0) return false;
        decoded.X = FieldElement.ToMontgomery(x);
        decoded.Y = FieldElement.ToMontgomery(y);
        return Sm2Curve.Contains(decoded);
    }

    internal static AffinePoint Decode(ReadOnlySpan<byte> point) =>
        TryDecode(point, out AffinePoint decoded) ? decoded : throw new CryptographicException(Sm2Arguments.InvalidPoint);

    internal static void Encode(in AffinePoint point, Span<byte> destination)
    {
        destination[0] = 0x04;
        FieldElement.FromMontgomery(point.X).WriteBytes(destination.Slice(1, 32));
        FieldElement.FromMontgomery(point.Y).WriteBytes(destination.Slice(33, 32));
    }
}
