using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Qanat.Gm.Tests;

/// <summary>BouncyCastle as the second implementation.</summary>
internal static class Sm4Oracle
{
    public static byte[] Ecb(byte[] key, byte[] data, bool encrypt) => Blocks(new SM4Engine(), new KeyParameter(key), data, encrypt);

    public static byte[] Cbc(byte[] key, byte[] initializationVector, byte[] data, bool encrypt) =>
        Blocks(new CbcBlockCipher(new SM4Engine()), new ParametersWithIV(new KeyParameter(key), initializationVector), data, encrypt);

    public static byte[] Ctr(byte[] key, byte[] counter, byte[] data)
    {
        BufferedBlockCipher cipher = new(new SicBlockCipher(new SM4Engine()));
        cipher.Init(true, new ParametersWithIV(new KeyParameter(key), counter));
        return cipher.DoFinal(data);
    }

    /// <summary>Ciphertext, then the tag.</summary>
    public static byte[] Gcm(byte[] key, byte[] nonce, ReadOnlySpan<byte> plaintext, byte[] associatedData, int tagSize) =>
        Aead(new GcmBlockCipher(new SM4Engine()), key, nonce, plaintext, associatedData, tagSize);

    /// <summary>Ciphertext, then the tag.</summary>
    public static byte[] Ccm(byte[] key, byte[] nonce, ReadOnlySpan<byte> plaintext, byte[] associatedData, int tagSize) =>
        Aead(new CcmBlockCipher(new SM4Engine()), key, nonce, plaintext, associatedData, tagSize);

    private static byte[] Aead(IAeadCipher cipher, byte[] key, byte[] nonce, ReadOnlySpan<byte> plaintext, byte[] associatedData, int tagSize)
    {
        cipher.Init(true, new AeadParameters(new KeyParameter(key), tagSize * 8, nonce, associatedData));
        byte[] output = new byte[cipher.GetOutputSize(plaintext.Length)];
        int length = cipher.ProcessBytes(plaintext, output);
        cipher.DoFinal(output.AsSpan(length));
        return output;
    }

    private static byte[] Blocks(SM4Engine cipher, ICipherParameters parameters, byte[] data, bool encrypt)
    {
        cipher.Init(encrypt, parameters);
        byte[] output = new byte[data.Length];
        for (int i = 0; i < data.Length; i += 16)
        {
            cipher.ProcessBlock(data, i, output, i);
        }
        return output;
    }

    private static byte[] Blocks(CbcBlockCipher cipher, ICipherParameters parameters, byte[] data, bool encrypt)
    {
        cipher.Init(encrypt, parameters);
        byte[] output = new byte[data.Length];
        for (int i = 0; i < data.Length; i += 16)
        {
            cipher.ProcessBlock(data, i, output, i);
        }
        return output;
    }
}
