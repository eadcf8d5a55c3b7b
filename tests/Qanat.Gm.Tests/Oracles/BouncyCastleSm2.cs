using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;
using Org.BouncyCastle.Security;

namespace Qanat.Gm.Tests.Oracles;

/// <summary>SM2 of BouncyCastle.</summary>
internal static class BouncyCastleSm2
{
    public static readonly ECDomainParameters Domain = new(CustomNamedCurves.GetByName("sm2p256v1"));
    private static readonly SecureRandom s_random = new();

    public static ECPrivateKeyParameters PrivateKey(ReadOnlySpan<byte> d) => new(new BigInteger(1, d.ToArray()), Domain);

    public static ECPublicKeyParameters PublicKey(ReadOnlySpan<byte> point) => new(Domain.Curve.DecodePoint(point.ToArray()), Domain);

    /// <summary>k G, uncompressed; one byte for infinity.</summary>
    public static byte[] MultiplyBase(ReadOnlySpan<byte> k) => Multiply(Domain.G, k);

    public static byte[] Multiply(ECPoint point, ReadOnlySpan<byte> k) => point.Multiply(new BigInteger(1, k.ToArray())).Normalize().GetEncoded(false);

    public static byte[] MultiplyTwo(ReadOnlySpan<byte> s, ReadOnlySpan<byte> point, ReadOnlySpan<byte> t) =>
        ECAlgorithms.SumOfTwoMultiplies(Domain.G, new BigInteger(1, s.ToArray()), Domain.Curve.DecodePoint(point.ToArray()), new BigInteger(1, t.ToArray())).Normalize().GetEncoded(false);

    public static byte[] Agree(ReadOnlySpan<byte> d, ReadOnlySpan<byte> point) => Multiply(Domain.Curve.DecodePoint(point.ToArray()), d)[1..33];

    public static byte[] Sign(ReadOnlySpan<byte> d, byte[] userId, byte[] data)
    {
        SM2Signer signer = new(StandardDsaEncoding.Instance);
        signer.Init(true, new ParametersWithID(new ParametersWithRandom(PrivateKey(d), s_random), userId));
        signer.BlockUpdate(data, 0, data.Length);
        return signer.GenerateSignature();
    }

    public static bool Verify(ReadOnlySpan<byte> point, byte[] userId, byte[] data, byte[] signature)
    {
        SM2Signer signer = new(StandardDsaEncoding.Instance);
        signer.Init(false, new ParametersWithID(PublicKey(point), userId));
        signer.BlockUpdate(data, 0, data.Length);
        return signer.VerifySignature(signature);
    }

    public static byte[] Encrypt(ReadOnlySpan<byte> point, byte[] plaintext)
    {
        SM2Engine engine = new(SM2Engine.Mode.C1C3C2);
        engine.Init(true, new ParametersWithRandom(PublicKey(point), s_random));
        return engine.ProcessBlock(plaintext, 0, plaintext.Length);
    }

    public static byte[] Decrypt(ReadOnlySpan<byte> d, byte[] ciphertext)
    {
        SM2Engine engine = new(SM2Engine.Mode.C1C3C2);
        engine.Init(false, PrivateKey(d));
        return engine.ProcessBlock(ciphertext, 0, ciphertext.Length);
    }

    public static byte[] Exchange(
        bool initiator, ReadOnlySpan<byte> staticKey, ReadOnlySpan<byte> ephemeralKey, byte[] userId, ReadOnlySpan<byte> peerStatic, ReadOnlySpan<byte> peerEphemeral, byte[] peerUserId, int length)
    {
        Org.BouncyCastle.Crypto.Agreement.SM2KeyExchange exchange = new();
        exchange.Init(new ParametersWithID(new SM2KeyExchangePrivateParameters(initiator, PrivateKey(staticKey), PrivateKey(ephemeralKey)), userId));
        return exchange.CalculateKey(8 * length, new ParametersWithID(new SM2KeyExchangePublicParameters(PublicKey(peerStatic), PublicKey(peerEphemeral)), peerUserId));
    }
}
