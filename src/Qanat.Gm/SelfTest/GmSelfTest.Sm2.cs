using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>Known answers of SM2, and pairwise consistency.</summary>
public static partial class GmSelfTest
{
    private const DSASignatureFormat Raw = DSASignatureFormat.IeeeP1363FixedFieldConcatenation;

    private static void Sm2Answers(Bench bench)
    {
        // The keys and nonces below are the standard's examples: secret to nobody.
        byte[] d = Convert.FromHexString("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
        Limbs k = Limbs.FromBytes(Convert.FromHexString("59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21"));
        const string signature = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
        bench.Known("SM2 signature", "GB/T 32918.5 A.2", signature, () =>
        {
            using Sm2 key = Sm2.Create(d);
            byte[] hash = new byte[Sm3.HashSizeInBytes], output = new byte[Sm2.SignatureSizeInBytes];
            key.ComputeHash("message digest"u8, Sm2.DefaultUserId, hash);
            Sm2Curve.MultiplyBase(out JacobianPoint product, k);
            product.ToAffine(out AffinePoint point);
            Sm2.TryFinishSignature(key.RequireSigningSecret(), Scalar.Reduce(Limbs.FromBytes(hash)), k, FieldElement.FromMontgomery(point.X), out Limbs r, out Limbs s);
            Sm2SignatureFormat.Write(r, s, output, Raw);
            return output;
        });
        bench.Do("SM2 verification", "GB/T 32918.5 A.2", GmSelfTestKind.KnownAnswer, meddle =>
        {
            using Sm2 key = Sm2.ImportPublicKey(Convert.FromHexString(
                "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"));
            byte[] right = meddle(Convert.FromHexString(signature)), wrong = [.. right];
            wrong[^1] ^= 1;
            return !key.VerifyData("message digest"u8, Sm2.DefaultUserId, right, Raw) ? "a right signature is refused"
                : key.VerifyData("message digest"u8, Sm2.DefaultUserId, wrong, Raw) ? "a wrong signature is taken" : null;
        });
        bench.Known("SM2 encryption", "GB/T 32918.5 A.4",
            "0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
            + "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD876621886CA989CA9C7D58087307CA93092D651EFA", () =>
        {
            using Sm2 key = Sm2.Create(d);
            byte[] output = new byte[Sm2.PublicKeySizeInBytes + Sm3.HashSizeInBytes + 19];
            key.TryEncrypt(k, "encryption standard"u8, output);
            return key.Decrypt(output, Sm2CipherFormat.C1C3C2).AsSpan().SequenceEqual("encryption standard"u8) ? output : [];
        });
        bench.Known("SM2 key exchange", "GB/T 32918.5 A.3", "6C89347354DE2484C60B4AB1FDE4C6E56C89347354DE2484C60B4AB1FDE4C6E5", () =>
        {
            using Sm2 a = Sm2.Create(Convert.FromHexString("81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029"));
            using Sm2 b = Sm2.Create(Convert.FromHexString("785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5"));
            using Sm2KeyExchange initiator = new(a, Sm2.DefaultUserId, Sm2KeyExchangeRole.Initiator, Sm2.Create(Convert.FromHexString("D4DE15474DB74D06491C440D305E012400990F3E390C7E87153C12DB2EA60BB3")));
            using Sm2KeyExchange responder = new(b, Sm2.DefaultUserId, Sm2KeyExchangeRole.Responder, Sm2.Create(Convert.FromHexString("7E07124814B309489125EAED101113164EBF0F3458C5BD88335C1F9D596243D6")));
            byte[] keys = new byte[32];
            initiator.DeriveKey(b, Sm2.DefaultUserId, responder.EphemeralPublicKey, keys.AsSpan(0, 16));
            responder.DeriveKey(a, Sm2.DefaultUserId, initiator.EphemeralPublicKey, keys.AsSpan(16));
            return keys;
        });
    }

    private static void Pairwise(Bench bench)
    {
        const string source = "GM/T 0028 section 7.10.3.3";
        bench.Do("SM2 key pair: sign and verify", source, GmSelfTestKind.PairwiseConsistency, meddle =>
        {
            using Sm2 key = Sm2.Create(), publicKey = Sm2.ImportPublicKey(key.PublicKey);
            byte[] signature = meddle(key.SignData(s_key, Sm2.DefaultUserId, Raw));
            return publicKey.VerifyData(s_key, Sm2.DefaultUserId, signature, Raw) ? null : "the public key does not verify what the private key signed";
        });
        bench.Do("SM2 key pair: encrypt and decrypt", source, GmSelfTestKind.PairwiseConsistency, meddle =>
        {
            using Sm2 key = Sm2.Create(), publicKey = Sm2.ImportPublicKey(key.PublicKey);
            byte[] ciphertext = publicKey.Encrypt(s_key, Sm2CipherFormat.C1C3C2), plaintext = new byte[ciphertext.Length];
            bool isRight = key.TryDecrypt(ciphertext, Sm2CipherFormat.C1C3C2, plaintext, out int length);
            return isRight && meddle(plaintext[..length]).AsSpan().SequenceEqual(s_key) ? null : "the private key does not decrypt what was encrypted for the public key";
        });
        bench.Do("SM2 key pairs: agreement", source, GmSelfTestKind.PairwiseConsistency, meddle =>
        {
            using Sm2 one = Sm2.Create(), other = Sm2.Create();
            return meddle(one.DeriveRawSecretAgreement(other.PublicKey)).AsSpan().SequenceEqual(other.DeriveRawSecretAgreement(one.PublicKey)) ? null : "two keys do not agree on one secret";
        });
        bench.Do($"SM2 in batches of {Sm2Batch.PreferredSize}{(Sm2Batch.IsAccelerated ? ", AVX-512" : "")}", source, GmSelfTestKind.PairwiseConsistency, meddle => Batch(meddle));
    }

    private static string? Batch(Func<byte[], byte[]> meddle)
    {
        const int count = Sm2Batch.PreferredSize;
        Sm2[] keys = [.. Enumerable.Range(0, count).Select(_ => Sm2.Create())];
        try
        {
            byte[] hashes = new byte[count * Sm3.HashSizeInBytes], signatures = new byte[count * Sm2.SignatureSizeInBytes];
            bool[] results = new bool[count];
            Sm2Batch.SignHashes(keys, hashes, signatures);
            meddle(signatures);
            for (int i = 0; i < count; i++)
            {
                if (!keys[i].VerifyHash(hashes.AsSpan(0, Sm3.HashSizeInBytes), signatures.AsSpan(i * Sm2.SignatureSizeInBytes, Sm2.SignatureSizeInBytes), Raw))
                {
                    return $"signature {i + 1} of a batch does not verify";
                }
            }
            Sm2Batch.VerifyHashes(keys, hashes, signatures, results);
            return results.All(right => right) ? null : "a batch does not verify what it signed";
        }
        finally
        {
            foreach (Sm2 key in keys)
            {
                key.Dispose();
            }
        }
    }
}
