using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace Qanat.Gm.Tests.Oracles;

/// <summary>SM3, HMAC and HKDF of BouncyCastle.</summary>
internal static class BouncyCastleSm3
{
    public static byte[] Hash(ReadOnlySpan<byte> data)
    {
        SM3Digest digest = new();
        digest.BlockUpdate(data);
        byte[] hash = new byte[32];
        digest.DoFinal(hash, 0);
        return hash;
    }

    public static byte[] Hmac(byte[] key, ReadOnlySpan<byte> data)
    {
        HMac mac = new(new SM3Digest());
        mac.Init(new KeyParameter(key));
        mac.BlockUpdate(data);
        byte[] result = new byte[32];
        mac.DoFinal(result, 0);
        return result;
    }

    public static byte[] Hkdf(byte[] secret, byte[] salt, byte[] info, int length)
    {
        HkdfBytesGenerator generator = new(new SM3Digest());
        generator.Init(new HkdfParameters(secret, salt, info));
        byte[] output = new byte[length];
        generator.GenerateBytes(output, 0, length);
        return output;
    }
}
