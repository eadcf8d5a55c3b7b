using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Who speaks first in a key exchange. In TLCP the server is the initiator: its ServerKeyExchange comes first.</summary>
public enum Sm2KeyExchangeRole
{
    /// <summary>User A of GB/T 32918.3.</summary>
    Initiator,

    /// <summary>User B of GB/T 32918.3.</summary>
    Responder,
}

/// <summary>
/// One run of the authenticated key exchange of GB/T 32918.3 for either side: own static and ephemeral keys, then <see cref="DeriveKey"/> with what the peer sent, then, if wanted,
/// <see cref="WriteConfirmation"/> and <see cref="VerifyConfirmation"/>. For one exchange on one thread. The static key is the caller's; the ephemeral one is zeroed by
/// <see cref="Dispose"/>.
/// </summary>
public sealed class Sm2KeyExchange : IDisposable
{
    /// <summary>Bytes of a confirmation (S1 and S2, or S_A and S_B).</summary>
    public const int ConfirmationSizeInBytes = Sm3.HashSizeInBytes;

    private readonly Sm2 _staticKey;
    private readonly Sm2 _ephemeralKey;
    private readonly Sm2KeyExchangeRole _role;
    private readonly byte[] _ownZ = new byte[Sm3.HashSizeInBytes];
    private readonly byte[] _confirmations = GC.AllocateArray<byte>(2 * ConfirmationSizeInBytes, pinned: true);
    private bool _derived;

    /// <summary>Begins an exchange with a fresh ephemeral key.</summary>
    /// <exception cref="InvalidOperationException">The static key is a public key.</exception>
    public Sm2KeyExchange(Sm2 staticKey, ReadOnlySpan<byte> userId, Sm2KeyExchangeRole role)
        : this(staticKey, userId, role, Sm2.Create())
    {
    }

    /// <summary>Begins an exchange with an ephemeral key made before, which this object then owns: use each key once.</summary>
    /// <exception cref="InvalidOperationException">One of the keys is a public key.</exception>
    public Sm2KeyExchange(Sm2 staticKey, ReadOnlySpan<byte> userId, Sm2KeyExchangeRole role, Sm2 ephemeralKey)
    {
        ArgumentNullException.ThrowIfNull(staticKey);
        ArgumentNullException.ThrowIfNull(ephemeralKey);
        if (role is not (Sm2KeyExchangeRole.Initiator or Sm2KeyExchangeRole.Responder)) throw new ArgumentOutOfRangeException(nameof(role), role, "The role must be Initiator or Responder.");
        staticKey.RequireSecret();
        ephemeralKey.RequireSecret();
        staticKey.ComputeZ(userId, _ownZ);
        (_staticKey, _ephemeralKey, _role) = (staticKey, ephemeralKey, role);
    }

    /// <summary>The ephemeral public key R to send, 65 bytes.</summary>
    public ReadOnlySpan<byte> EphemeralPublicKey => _ephemeralKey.PublicKey;

    /// <summary>
    /// Derives the shared key, of any length above zero: K = KDF(x_U, y_U, Z_A, Z_B) with U = t (P + w(x_R) R), where P and R are the peer's static and ephemeral public keys and
    /// t = d + w(x_own) r mod n (GB/T 32918.3 section 6.1; the cofactor is 1). For TLCP: 48 bytes, the premaster secret.
    /// </summary>
    /// <exception cref="CryptographicException">A point of the peer's is not valid, or U is infinity (a peer that chose its key for that).</exception>
    public void DeriveKey(Sm2 peerStaticKey, ReadOnlySpan<byte> peerUserId, ReadOnlySpan<byte> peerEphemeral, Span<byte> key)
    {
        ArgumentNullException.ThrowIfNull(peerStaticKey);
        if (key.IsEmpty) throw new ArgumentException("key must have at least 1 byte.", nameof(key));
        AffinePoint r = Sm2Point.Decode(peerEphemeral);
        Sm2Curve.MultiplyPublic(out JacobianPoint sum, default, new JacobianPoint(r), Truncate(peerEphemeral));
        JacobianPoint.Add(out sum, sum, new JacobianPoint(peerStaticKey.Point));
        if (sum.IsInfinity) throw new CryptographicException("The SM2 key exchange failed: the peer's keys cancel each other.");
        Limbs t = Scalar.Multiply(Truncate(_ephemeralKey.PublicKey), _ephemeralKey.RequireSecret().D);
        t = Scalar.Add(t, _staticKey.RequireSecret().D);
        Span<byte> shared = stackalloc byte[Sm2Point.UncompressedSizeInBytes];
        Span<byte> peerZ = stackalloc byte[Sm3.HashSizeInBytes];
        Sm2Curve.Multiply(out JacobianPoint u, sum, t);
        try
        {
            if (u.IsInfinity) throw new CryptographicException("The SM2 key exchange failed: the shared point is infinity.");
            u.ToAffine(out AffinePoint affine);
            Sm2Point.Encode(affine, shared);
            Sm2.Clear(ref affine);
            peerStaticKey.ComputeZ(peerUserId, peerZ);
            bool first = _role == Sm2KeyExchangeRole.Initiator;
            ReadOnlySpan<byte> za = first ? _ownZ : peerZ, zb = first ? peerZ : _ownZ;
            ReadOnlySpan<byte> ra = first ? _ephemeralKey.PublicKey : peerEphemeral, rb = first ? peerEphemeral : _ephemeralKey.PublicKey;
            Sm3Kdf.DeriveKey(shared[1..], za, zb, default, key);
            ComputeConfirmations(shared, za, zb, ra, rb);
            _derived = true;
        }
        finally
        {
            Sm2.Clear(ref t);
            Sm2.Clear(ref u);
            CryptographicOperations.ZeroMemory(shared);
        }
    }

    /// <summary>Writes what this side sends to show that it has the key: S_B of the responder, S_A of the initiator. 32 bytes.</summary>
    /// <exception cref="InvalidOperationException"><see cref="DeriveKey"/> was not called.</exception>
    public void WriteConfirmation(Span<byte> destination)
    {
        Sm2Arguments.RequireLength(destination, ConfirmationSizeInBytes, nameof(destination));
        Confirmation(_role == Sm2KeyExchangeRole.Responder).CopyTo(destination);
    }

    /// <summary>True if the peer's confirmation shows that it has the same key.</summary>
    /// <exception cref="InvalidOperationException"><see cref="DeriveKey"/> was not called.</exception>
    public bool VerifyConfirmation(ReadOnlySpan<byte> confirmation) =>
        CryptographicOperations.FixedTimeEquals(Confirmation(_role == Sm2KeyExchangeRole.Initiator), confirmation);

    /// <summary>Zeroes the ephemeral key and the confirmations. The static key stays as it is.</summary>
    public void Dispose()
    {
        _ephemeralKey.Dispose();
        CryptographicOperations.ZeroMemory(_confirmations);
    }

    /// <summary>w(x) = 2^127 + (x mod 2^127).</summary>
    private static Limbs Truncate(ReadOnlySpan<byte> point)
    {
        Limbs x = Limbs.FromBytes(point.Slice(1, 32));
        return new Limbs(x.L0, x.L1 | (1UL << 63), 0, 0);
    }

    /// <summary>S = SM3(0x02 or 0x03, y_U, SM3(x_U, Z_A, Z_B, R_A, R_B)); 0x02 is the responder's.</summary>
    private void ComputeConfirmations(ReadOnlySpan<byte> shared, ReadOnlySpan<byte> za, ReadOnlySpan<byte> zb, ReadOnlySpan<byte> ra, ReadOnlySpan<byte> rb)
    {
        Span<byte> inner = stackalloc byte[Sm3.HashSizeInBytes];
        Sm3State hash = Sm3State.Create();
        hash.Append(shared.Slice(1, 32));
        hash.Append(za);
        hash.Append(zb);
        hash.Append(ra[1..]);
        hash.Append(rb[1..]);
        hash.Finish(inner);
        for (int i = 0; i < 2; i++)
        {
            hash = Sm3State.Create();
            hash.Append([(byte)(2 + i)]);
            hash.Append(shared.Slice(33, 32));
            hash.Append(inner);
            hash.Finish(_confirmations.AsSpan(i * ConfirmationSizeInBytes, ConfirmationSizeInBytes));
        }
        hash.Clear();
        CryptographicOperations.ZeroMemory(inner);
    }

    private Span<byte> Confirmation(bool responders) => _derived
        ? _confirmations.AsSpan(responders ? 0 : ConfirmationSizeInBytes, ConfirmationSizeInBytes)
        : throw new InvalidOperationException("DeriveKey comes before the confirmations.");
}
