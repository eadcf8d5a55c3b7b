using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Security;
using Qanat.Gm;
using BigInteger = Org.BouncyCastle.Math.BigInteger;

namespace Qanat.Bench.Gm;

/// <summary>SM2: signatures, verifications and ECDH, one by one and eight at once. One by one, ours hashes the data with Z as the others do; batches start from the hashes, a microsecond of work less.</summary>
internal sealed class Sm2Rows : IGmTopic
{
    private const DSASignatureFormat Raw = DSASignatureFormat.IeeeP1363FixedFieldConcatenation, Der = DSASignatureFormat.Rfc3279DerSequence;
    private const string BouncyCastleName = "BouncyCastle 2.7.0";

    private readonly Sm2[] _keys = [.. Enumerable.Range(0, 8).Select(_ => Sm2.Create())];
    private readonly byte[] _id = Sm2.DefaultUserId.ToArray();
    private readonly byte[] _data = RandomNumberGenerator.GetBytes(32);
    private readonly ECDomainParameters _domain = new(CustomNamedCurves.GetByName("sm2p256v1"));
    private readonly byte[] _d = new byte[32];

    public Sm2Rows() => _keys[0].ExportPrivateKey(_d);

    public string Name => "sm2";

    public IReadOnlyList<GmMetric> Metrics()
    {
        byte[] der = _keys[0].SignData(_data, _id, Der), signature = new byte[Sm2.MaxDerSignatureSizeInBytes], secret = new byte[32], peer = _keys[1].PublicKey.ToArray();
        byte[] hashes = RandomNumberGenerator.GetBytes(8 * 32), signatures = new byte[8 * 64], points = [.. _keys.SelectMany(key => key.PublicKey.ToArray())], secrets = new byte[8 * 32];
        bool[] results = new bool[8];
        Sm2Batch.SignHashes(_keys, hashes, signatures);
        (Contender sign, Contender verify, Contender agree) = BouncyCastle(der, peer);
        OpenSslSm2? openssl = OpenSslSm2.WhyMissing is null ? new OpenSslSm2(_d, _keys[0].PublicKey) : null;
        Contender OpenSsl(Action<OpenSslSm2> work) => openssl is null
            ? Contender.Absent("OpenSSL 3", OpenSslSm2.WhyMissing ?? "")
            : new Contender("OpenSSL 3", calls => Repeat(calls, () => work(openssl)));
        return
        [
            Metric("SM2 sign", 1, () => Consume(_keys[0].SignHash(Hash(), signature, Der)), sign, 1.5, OpenSsl(o => o.Sign(_id, _data)), 150_000, goal: null),
            Metric("SM2 verify", 1, () => Require(_keys[0].VerifyHash(Hash(), der, Der)), verify, 1.5, OpenSsl(o => o.Verify(_id, _data, der)), 50_000, goal: null),
            Metric("SM2 ECDH", 1, () => _keys[0].DeriveRawSecretAgreement(peer, secret), agree, 1.5, OpenSsl(o => o.Agree(_d, peer)), 50_000, goal: null),
            Metric("SM2 sign, batches of 8", 8, () => Sm2Batch.SignHashes(_keys, hashes, signatures), sign, 3, OpenSsl(o => o.Sign(_id, _data)), 150_000, goal: 1),
            Metric("SM2 verify, batches of 8", 8, () => { Sm2Batch.VerifyHashes(_keys, hashes, signatures, results); Require(results[7]); }, verify, 3, OpenSsl(o => o.Verify(_id, _data, der)), 50_000, goal: 1),
            Metric("SM2 ECDH, batches of 8", 8, () => Sm2Batch.DeriveRawSecretAgreements(_keys, points, secrets, results), agree, 3, OpenSsl(o => o.Agree(_d, peer)), 50_000, goal: 1),
        ];
    }

    public void Dispose()
    {
        foreach (Sm2 key in _keys) key.Dispose();
    }

    private static GmMetric Metric(string name, int perCall, Action ours, Contender bouncyCastle, double floor, Contender openssl, double bound, double? goal) => new()
    {
        Name = name,
        Unit = "/s",
        WorkPerCall = perCall,
        Ours = new Contender("Qanat", calls => Repeat(calls, ours)),
        Others = [new Against(Scaled(bouncyCastle, perCall), floor), new Against(Scaled(openssl, perCall)), Against.Value($"{bound:N0}/s", bound, goal: goal)],
        Note = perCall == 1 ? "one by one" : Sm2Batch.IsAccelerated ? "eight in the lanes of AVX-512" : "no AVX-512: one by one",
    };

    /// <summary>The others do as many operations one by one.</summary>
    private static Contender Scaled(Contender one, int perCall) => one.Work is null || perCall == 1 ? one : one with { Work = calls => one.Work(calls * perCall) };

    private (Contender Sign, Contender Verify, Contender Agree) BouncyCastle(byte[] signature, byte[] peer)
    {
        ECPrivateKeyParameters own = new(new BigInteger(1, _d), _domain);
        ECPublicKeyParameters point = new(_domain.Curve.DecodePoint(_keys[0].PublicKey.ToArray()), _domain);
        Org.BouncyCastle.Math.EC.ECPoint other = _domain.Curve.DecodePoint(peer);
        SM2Signer signer = new(StandardDsaEncoding.Instance), verifier = new(StandardDsaEncoding.Instance);
        signer.Init(true, new ParametersWithID(new ParametersWithRandom(own, new SecureRandom()), _id));
        verifier.Init(false, new ParametersWithID(point, _id));
        return (Make(() =>
        {
            signer.BlockUpdate(_data, 0, _data.Length);
            Consume(signer.GenerateSignature().Length);
        }), Make(() =>
        {
            verifier.BlockUpdate(_data, 0, _data.Length);
            Require(verifier.VerifySignature(signature));
        }), Make(() => Consume(other.Multiply(own.D).Normalize().AffineXCoord.GetEncoded().Length)));
        static Contender Make(Action work) => new(BouncyCastleName, calls => Repeat(calls, work));
    }

    private byte[] Hash()
    {
        byte[] hash = new byte[32];
        _keys[0].ComputeHash(_data, _id, hash);
        return hash;
    }

    private static void Repeat(int calls, Action work)
    {
        for (int i = 0; i < calls; i++) work();
    }

    private static void Consume(int length) => Require(length > 0);

    private static void Require(bool right)
    {
        if (!right) throw new InvalidOperationException("A side gave a wrong result.");
    }
}
