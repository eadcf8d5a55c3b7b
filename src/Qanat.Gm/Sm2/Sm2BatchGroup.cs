using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Up to eight operations in the lanes of AVX-512 vectors. Lanes without an input repeat the last one.</summary>
internal static class Sm2BatchGroup
{
    private const int Lanes = FieldLanes.Lanes;

    public static void Sign(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> hashes, Span<byte> signatures)
    {
        Span<Limbs> k = stackalloc Limbs[Lanes], odd = stackalloc Limbs[Lanes], x = stackalloc Limbs[Lanes], z = stackalloc Limbs[Lanes];
        try
        {
            for (int i = 0; i < Lanes; i++)
            {
                int lane = int.Min(i, keys.Length - 1);
                if (i == lane)
                {
                    Sm2Nonce nonce = new(hashes.Slice(32 * lane, 32));
                    k[i] = nonce.Next(keys[lane].RequireSigningSecret().NonceKey);
                    nonce.Clear();
                }
                else
                {
                    k[i] = k[lane];
                }
                odd[i] = MakeOdd(k[i], out _);
            }
            Sm2CurveLanes.MultiplyBase(out PointLanes product, new LaneWords(odd));
            FieldLanes.Store(product.X, x);
            FieldLanes.Store(product.Z, z);
            ToAffineX(x, z);
            for (int i = 0; i < keys.Length; i++)
            {
                Span<byte> signature = signatures.Slice(i * Sm2.SignatureSizeInBytes, Sm2.SignatureSizeInBytes);
                Limbs e = Scalar.Reduce(Limbs.FromBytes(hashes[(32 * i)..]));
                if (!z[i].IsZero && Sm2.TryFinishSignature(keys[i].RequireSigningSecret(), e, k[i], FieldElement.FromMontgomery(x[i]), out Limbs r, out Limbs s))
                    Sm2SignatureFormat.Write(r, s, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
                else
                    keys[i].SignHash(hashes.Slice(32 * i, 32), signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            }
            Sm2.Clear(ref product);
        }
        finally
        {
            Zero(k);
            Zero(odd);
            Zero(z);
        }
    }

    public static void Verify(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> hashes, ReadOnlySpan<byte> signatures, Span<bool> results)
    {
        Span<Limbs> s = stackalloc Limbs[Lanes], t = stackalloc Limbs[Lanes], x = stackalloc Limbs[Lanes], z = stackalloc Limbs[Lanes], r = stackalloc Limbs[Lanes];
        Span<AffinePoint> points = stackalloc AffinePoint[Lanes];
        Span<ulong> negateS = stackalloc ulong[Lanes], negateT = stackalloc ulong[Lanes];
        Limbs one = new(1, 0, 0, 0);
        for (int i = 0; i < Lanes; i++)
        {
            int lane = int.Min(i, keys.Length - 1);
            bool usable = Sm2SignatureFormat.TryRead(signatures.Slice(Sm2.SignatureSizeInBytes * lane, Sm2.SignatureSizeInBytes), DSASignatureFormat.IeeeP1363FixedFieldConcatenation, out r[i], out s[i]);
            t[i] = Scalar.Add(r[i], s[i]);
            usable &= !t[i].IsZero;
            results[lane] = usable;
            s[i] = MakeOdd(usable ? s[i] : one, out negateS[i]);
            t[i] = MakeOdd(usable ? t[i] : one, out negateT[i]);
            points[i] = keys[lane].Point;
        }
        LoadPoints(out PointLanes point, points);
        Sm2CurveLanes.MultiplyBase(out PointLanes left, new LaneWords(s));
        FieldLanes.NegateIf(out left.Y, Vector512.Create<ulong>(negateS).AsInt64(), left.Y);
        Sm2CurveLanes.Multiply(out PointLanes right, point, new LaneWords(t));
        FieldLanes.NegateIf(out right.Y, Vector512.Create<ulong>(negateT).AsInt64(), right.Y);
        PointLanes.AddLazy(out left, left, right);
        FieldLanes.Store(left.X, x);
        FieldLanes.Store(left.Z, z);
        for (int i = 0; i < keys.Length; i++)
        {
            if (!results[i]) continue;
            ReadOnlySpan<byte> hash = hashes.Slice(32 * i, 32);
            // Only odd inputs get here with infinity; alone they are done with formulas that know every case.
            results[i] = z[i].IsZero
                ? keys[i].VerifyHash(hash, signatures.Slice(Sm2.SignatureSizeInBytes * i, Sm2.SignatureSizeInBytes), DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
                : Sm2.MatchesX(new JacobianPoint { X = x[i], Z = z[i] }, Scalar.Subtract(r[i], Scalar.Reduce(Limbs.FromBytes(hash))));
        }
    }

    public static void Agree(ReadOnlySpan<Sm2> keys, ReadOnlySpan<byte> peerPoints, Span<byte> secrets, Span<bool> results)
    {
        Span<Limbs> odd = stackalloc Limbs[Lanes], x = stackalloc Limbs[Lanes], z = stackalloc Limbs[Lanes];
        Span<AffinePoint> points = stackalloc AffinePoint[Lanes];
        try
        {
            for (int i = 0; i < Lanes; i++)
            {
                int lane = int.Min(i, keys.Length - 1);
                results[lane] = Sm2Point.TryDecode(peerPoints.Slice(Sm2.PublicKeySizeInBytes * lane, Sm2.PublicKeySizeInBytes), out points[i]);
                if (!results[lane]) points[i] = Sm2Curve.Generator;
                odd[i] = MakeOdd(keys[lane].RequireSecret().D, out _);
            }
            LoadPoints(out PointLanes point, points);
            Sm2CurveLanes.Multiply(out PointLanes product, point, new LaneWords(odd));
            FieldLanes.Store(product.X, x);
            FieldLanes.Store(product.Z, z);
            ToAffineX(x, z);
            for (int i = 0; i < keys.Length; i++)
            {
                Span<byte> secret = secrets.Slice(i * Sm2.KeySizeInBytes, Sm2.KeySizeInBytes);
                if (!results[i]) secret.Clear();
                else if (z[i].IsZero) keys[i].DeriveRawSecretAgreement(peerPoints.Slice(Sm2.PublicKeySizeInBytes * i, Sm2.PublicKeySizeInBytes), secret);
                else FieldElement.FromMontgomery(x[i]).WriteBytes(secret);
            }
            Sm2.Clear(ref product);
        }
        finally
        {
            Zero(odd);
            Zero(x);
            Zero(z);
        }
    }

    /// <summary>k or n - k, whichever is odd, and all ones in <paramref name="negated"/> if it is the latter. The x coordinate of the multiple is the same.</summary>
    private static Limbs MakeOdd(in Limbs k, out ulong negated)
    {
        negated = (k.L0 & 1) - 1;
        return Limbs.Select(negated, Limbs.Subtract(Scalar.Order, k, out _), k);
    }

    private static void LoadPoints(out PointLanes r, ReadOnlySpan<AffinePoint> points)
    {
        Span<Limbs> coordinates = stackalloc Limbs[Lanes];
        for (int i = 0; i < Lanes; i++) coordinates[i] = points[i].X;
        FieldLanes.Load(out r.X, coordinates);
        for (int i = 0; i < Lanes; i++) coordinates[i] = points[i].Y;
        FieldLanes.Load(out r.Y, coordinates);
        r.Z = FieldLanes.One;
    }

    /// <summary>x becomes X / Z^2 in every lane with one inversion for all; lanes with Z = 0 are left out by a mask.</summary>
    private static void ToAffineX(Span<Limbs> x, ReadOnlySpan<Limbs> z)
    {
        Span<Limbs> products = stackalloc Limbs[Lanes], factors = stackalloc Limbs[Lanes];
        Limbs product = FieldElement.One;
        for (int i = 0; i < Lanes; i++)
        {
            factors[i] = Limbs.Select(Limbs.EqualMask(z[i].L0 | z[i].L1 | z[i].L2 | z[i].L3, 0), FieldElement.One, z[i]);
            products[i] = product;
            FieldElement.Multiply(out product, product, factors[i]);
        }
        FieldElement.Invert(out Limbs inverse, product);
        for (int i = Lanes - 1; i >= 0; i--)
        {
            FieldElement.Multiply(out Limbs own, inverse, products[i]);
            FieldElement.Multiply(out inverse, inverse, factors[i]);
            FieldElement.Square(out own, own);
            FieldElement.Multiply(out x[i], x[i], own);
        }
        Zero(products);
        Zero(factors);
    }

    private static void Zero(Span<Limbs> secrets) => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(secrets));
}
