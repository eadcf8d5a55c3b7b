using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>
/// The ephemeral key of one key exchange: curveSM2 (RFC 8998 section 3.2.2) or curveSM2MLKEM768 (draft-yang-tls-hybrid-sm2-mlkem), whose shares and secrets are those of curveSM2 followed
/// by those of ML-KEM-768. Used once.
/// </summary>
internal sealed class Tls13KeyShare : IDisposable
{
    /// <summary>Longest shared secret: of the hybrid group.</summary>
    public const int MaxSecretLength = Sm2.KeySizeInBytes + MlKem768.SharedSecretLength;

    private readonly Sm2 _sm2;
    private readonly MlKem768? _mlKem;

    /// <summary>Makes the keys of a client.</summary>
    /// <param name="group">One of the two groups.</param>
    /// <param name="sm2">The key on the SM2 curve, owned from here on; null: a new one.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not one of the two groups.</exception>
    public Tls13KeyShare(NamedGroup group, Sm2? sm2 = null)
    {
        Group = group is NamedGroup.CurveSm2 or NamedGroup.CurveSm2MlKem768 ? group : throw new ArgumentOutOfRangeException(nameof(group), group, "This group is not spoken here.");
        _sm2 = sm2 ?? Sm2.Create();
        _mlKem = group == NamedGroup.CurveSm2MlKem768 ? MlKem768.Create() : null;
        Share = _mlKem is null ? _sm2.PublicKey.ToArray() : [.. _sm2.PublicKey, .. _mlKem.EncapsulationKey];
    }

    public NamedGroup Group { get; }

    /// <summary>What the peer is shown.</summary>
    public byte[] Share { get; }

    /// <summary>A server's part: answers a client's share. <see cref="SmTlsError.InvalidKeyShare"/> for a wrong length, a point off the curve or a bad encapsulation key.</summary>
    /// <param name="group">One of the two groups.</param>
    /// <param name="clientShare">As received.</param>
    /// <param name="serverShare">What the client is shown.</param>
    /// <param name="secret">At least <see cref="MaxSecretLength"/> bytes; the caller zeroes it.</param>
    /// <param name="secretLength">Bytes of <paramref name="secret"/> written.</param>
    /// <param name="ephemeral">The key on the SM2 curve, which is disposed; null: a new one.</param>
    public static SmTlsError Respond(NamedGroup group, ReadOnlySpan<byte> clientShare, out byte[] serverShare, Span<byte> secret, out int secretLength, Sm2? ephemeral = null)
    {
        (serverShare, secretLength) = ([], 0);
        bool isHybrid = group == NamedGroup.CurveSm2MlKem768;
        if (clientShare.Length != Sm2.PublicKeySizeInBytes + (isHybrid ? MlKem768.EncapsulationKeyLength : 0))
        {
            return SmTlsError.InvalidKeyShare;
        }
        using Sm2 sm2 = ephemeral ?? Sm2.Create();
        if (!TryAgree(sm2, clientShare[..Sm2.PublicKeySizeInBytes], secret))
        {
            return SmTlsError.InvalidKeyShare;
        }
        serverShare = new byte[Sm2.PublicKeySizeInBytes + (isHybrid ? MlKem768.CiphertextLength : 0)];
        sm2.PublicKey.CopyTo(serverShare);
        secretLength = Sm2.KeySizeInBytes;
        if (isHybrid)
        {
            if (!MlKem768.TryEncapsulate(clientShare[Sm2.PublicKeySizeInBytes..], serverShare.AsSpan(Sm2.PublicKeySizeInBytes), secret.Slice(Sm2.KeySizeInBytes, MlKem768.SharedSecretLength)))
            {
                return SmTlsError.InvalidKeyShare;
            }
            secretLength += MlKem768.SharedSecretLength;
        }
        return SmTlsError.None;
    }

    /// <summary>A client's part: takes the server's share. <see cref="SmTlsError.InvalidKeyShare"/> for a wrong length or a point off the curve.</summary>
    /// <param name="serverShare">As received.</param>
    /// <param name="secret">At least <see cref="MaxSecretLength"/> bytes; the caller zeroes it.</param>
    /// <param name="secretLength">Bytes of <paramref name="secret"/> written.</param>
    public SmTlsError Complete(ReadOnlySpan<byte> serverShare, Span<byte> secret, out int secretLength)
    {
        secretLength = 0;
        if (serverShare.Length != Sm2.PublicKeySizeInBytes + (_mlKem is null ? 0 : MlKem768.CiphertextLength)
            || !TryAgree(_sm2, serverShare[..Sm2.PublicKeySizeInBytes], secret)
            || (_mlKem is not null && !_mlKem.TryDecapsulate(serverShare[Sm2.PublicKeySizeInBytes..], secret.Slice(Sm2.KeySizeInBytes, MlKem768.SharedSecretLength))))
        {
            return SmTlsError.InvalidKeyShare;
        }
        secretLength = Sm2.KeySizeInBytes + (_mlKem is null ? 0 : MlKem768.SharedSecretLength);
        return SmTlsError.None;
    }

    public void Dispose()
    {
        _sm2.Dispose();
        _mlKem?.Dispose();
    }

    private static bool TryAgree(Sm2 own, ReadOnlySpan<byte> peer, Span<byte> secret)
    {
        try
        {
            own.DeriveRawSecretAgreement(peer, secret[..Sm2.KeySizeInBytes]);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
