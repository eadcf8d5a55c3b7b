using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine;

/// <summary>The pre-master secret of TLCP's ECC suites (GB/T 38636 section 6.4.5.8): the client's version and 46 random bytes, encrypted to the server.</summary>
internal static class TlcpPreMasterSecret
{
    /// <summary>
    /// Decrypts the pre-master secret, or sets random bytes when anything is wrong with it: then the connection fails at Finished, like one whose client made a mistake there.
    /// Whoever sends altered ciphertexts learns nothing from the answer, nor from the time before it (RFC 5246 section 7.4.7.1, after Bleichenbacher).
    /// </summary>
    /// <param name="key">The server's encryption key.</param>
    /// <param name="ciphertext">As the ClientKeyExchange has it.</param>
    /// <param name="preMasterSecret">48 bytes, written.</param>
    public static void Decrypt(Sm2 key, ReadOnlySpan<byte> ciphertext, Span<byte> preMasterSecret)
    {
        // Before anything is known, so that it is done in every case.
        RandomNumberGenerator.Fill(preMasterSecret);
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(Math.Max(ciphertext.Length, TlcpKeySchedule.SecretLength), pinned: true);
        key.TryDecrypt(ciphertext, Sm2CipherFormat.Asn1, plaintext, out int length);
        // A ciphertext that does not decrypt has length 0, so the length speaks for both.
        int isRight = ConstantTime.MaskIfEqual(length, TlcpKeySchedule.SecretLength)
            & ConstantTime.MaskIfEqual(plaintext[0], ProtocolVersions.Tlcp >> 8)
            & ConstantTime.MaskIfEqual(plaintext[1], ProtocolVersions.Tlcp & 0xFF);
        for (int i = 0; i < preMasterSecret.Length; i++)
        {
            preMasterSecret[i] = (byte)((plaintext[i] & isRight) | (preMasterSecret[i] & ~isRight));
        }
        CryptographicOperations.ZeroMemory(plaintext);
    }
}
