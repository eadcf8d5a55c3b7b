using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// An SM2 key on sm2p256v1 (GB/T 32918-2016/2017): signature, encryption and key agreement, shaped like <see cref="ECDsa"/>. Operations with the private key run in constant time
/// (no branch and no memory address depends on it); private keys stay in one pinned place and are zeroed by <see cref="Dispose"/>.
/// Instance members may be called from several threads, but not while another disposes.
/// </summary>
public sealed partial class Sm2 : IDisposable
{
    /// <summary>Bytes of a private key, a coordinate, a hash and a shared x coordinate.</summary>
    public const int KeySizeInBytes = 32;

    /// <summary>Bytes of a public key: an uncompressed point.</summary>
    public const int PublicKeySizeInBytes = Sm2Point.UncompressedSizeInBytes;

    private static readonly Limbs s_largestPrivateKey = Limbs.Subtract(Scalar.Order, new Limbs(2, 0, 0, 0), out _);

    private readonly byte[] _publicKey = new byte[PublicKeySizeInBytes];
    private readonly AffinePoint _point;

    /// <summary>One element, pinned so that the collector leaves no copies behind; null for a public key.</summary>
    private readonly Secret[]? _secret;
    private bool _disposed;
    private volatile bool _canSign;

    private Sm2(in AffinePoint point, Secret[]? secret)
    {
        _point = point;
        _secret = secret;
        Sm2Point.Encode(point, _publicKey);
    }

    /// <summary>The user id that peers use if nothing else was agreed: "1234567812345678" (GM/T 0009-2012 section 10).</summary>
    public static ReadOnlySpan<byte> DefaultUserId => "1234567812345678"u8;

    /// <summary>True if the private key is known.</summary>
    public bool HasPrivateKey => _secret is not null;

    /// <summary>The public key as an uncompressed point, 65 bytes; a view of memory of this object.</summary>
    public ReadOnlySpan<byte> PublicKey => _publicKey;

    internal ref readonly AffinePoint Point => ref _point;

    /// <summary>A new key pair from the system's random numbers (GB/T 32918.1 section 6.1).</summary>
    public static Sm2 Create()
    {
        Limbs d = Scalar.Random(s_largestPrivateKey);
        try
        {
            return FromScalar(d);
        }
        finally
        {
            Clear(ref d);
        }
    }

    /// <summary>The key pair of a private key of 32 bytes, big-endian.</summary>
    /// <exception cref="CryptographicException">The key is not from 1 to n - 2.</exception>
    public static Sm2 Create(ReadOnlySpan<byte> privateKey)
    {
        if (privateKey.Length != KeySizeInBytes) throw new CryptographicException(Sm2Arguments.InvalidPrivateKey);
        Limbs d = Limbs.FromBytes(privateKey);
        try
        {
            if ((Scalar.IsValid(d) & (1 ^ s_largestPrivateKey.Below(d))) == 0) throw new CryptographicException(Sm2Arguments.InvalidPrivateKey);
            return FromScalar(d);
        }
        finally
        {
            Clear(ref d);
        }
    }

    /// <summary>A public key of 65 bytes: 0x04, x, y. The point is checked (<see cref="Sm2Point.IsValid"/>).</summary>
    /// <exception cref="CryptographicException">The point is not valid.</exception>
    public static Sm2 ImportPublicKey(ReadOnlySpan<byte> point) => new(Sm2Point.Decode(point), null);

    /// <summary>Writes the private key, 32 bytes, big-endian. The caller zeroes it.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is not 32 bytes.</exception>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public void ExportPrivateKey(Span<byte> destination)
    {
        Sm2Arguments.RequireLength(destination, KeySizeInBytes, nameof(destination));
        RequireSecret().D.WriteBytes(destination);
    }

    /// <summary>
    /// ECDH: writes x of d P, for the private key d and a peer's point P of 65 bytes, which is checked first (curveSM2 of RFC 8998 section 3.2). 32 bytes.
    /// </summary>
    /// <exception cref="CryptographicException">The peer's point is not valid.</exception>
    /// <exception cref="ArgumentException"><paramref name="secret"/> is not 32 bytes.</exception>
    /// <exception cref="InvalidOperationException">There is only a public key.</exception>
    public void DeriveRawSecretAgreement(ReadOnlySpan<byte> peerPoint, Span<byte> secret)
    {
        Sm2Arguments.RequireLength(secret, KeySizeInBytes, nameof(secret));
        ref readonly Secret own = ref RequireSecret();
        Sm2Curve.Multiply(out JacobianPoint shared, new JacobianPoint(Sm2Point.Decode(peerPoint)), own.D);
        // d is from 1 to n - 2 and the order of the point is n: never infinity.
        shared.ToAffine(out AffinePoint affine);
        FieldElement.FromMontgomery(affine.X).WriteBytes(secret);
        Clear(ref shared);
        Clear(ref affine);
    }

    /// <summary>The x coordinate of d P in a new array; see <see cref="DeriveRawSecretAgreement(ReadOnlySpan{byte}, Span{byte})"/>.</summary>
    public byte[] DeriveRawSecretAgreement(ReadOnlySpan<byte> peerPoint)
    {
        byte[] secret = new byte[KeySizeInBytes];
        DeriveRawSecretAgreement(peerPoint, secret);
        return secret;
    }

    /// <summary>Zeroes the private key. The public key stays readable.</summary>
    public void Dispose()
    {
        _disposed = true;
        if (_secret is not null) CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_secret.AsSpan()));
    }

    internal ref readonly Secret RequireSecret()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_secret is null) throw new InvalidOperationException(Sm2Arguments.NoPrivateKey);
        return ref _secret[0];
    }

    /// <summary>The secret with what signatures need. Threads that come at once write the same limbs.</summary>
    internal ref readonly Secret RequireSigningSecret()
    {
        ref readonly Secret secret = ref RequireSecret();
        if (_canSign) return ref secret;
        _secret![0].InverseOfOnePlusD = Scalar.Invert(Scalar.Add(secret.D, new Limbs(1, 0, 0, 0)));
        _canSign = true;
        return ref secret;
    }

    internal static void Clear<T>(ref T value) where T : unmanaged => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(new Span<T>(ref value)));

    private static Sm2 FromScalar(in Limbs d)
    {
        Sm2Curve.MultiplyBase(out JacobianPoint product, d);
        product.ToAffine(out AffinePoint point);
        Secret[] secret = GC.AllocateArray<Secret>(1, pinned: true);
        Span<byte> bytes = stackalloc byte[KeySizeInBytes];
        d.WriteBytes(bytes);
        secret[0].D = d;
        secret[0].NonceKey = HmacSm3Pads.Create(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        Clear(ref product);
        return new Sm2(point, secret);
    }

    /// <summary>What a private key needs at hand.</summary>
    internal struct Secret
    {
        public Limbs D;

        /// <summary>1 / (1 + d) mod n, which exists since d is at most n - 2; made by the first signature.</summary>
        public Limbs InverseOfOnePlusD;

        /// <summary>HMAC-SM3 keyed with d.</summary>
        public HmacSm3Pads NonceKey;
    }
}
