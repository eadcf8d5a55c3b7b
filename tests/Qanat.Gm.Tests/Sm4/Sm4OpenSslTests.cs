using System.Runtime.InteropServices;

namespace Qanat.Gm.Tests;

/// <summary>ECB, CBC and CTR against the system's OpenSSL 3; skipped where <c>libcrypto.so.3</c> is missing or built without SM4.</summary>
public sealed unsafe class Sm4OpenSslTests
{
    [Theory]
    [InlineData("SM4-ECB")]
    [InlineData("SM4-CBC")]
    [InlineData("SM4-CTR")]
    public void Agrees_with_openssl(string mode)
    {
        if (OpenSslSm4.WhyMissing is { } reason)
            Assert.Skip(reason);
        Random random = new(mode.GetHashCode(StringComparison.Ordinal) & 1);
        int cases = Environment.GetEnvironmentVariable("QANAT_FULL") == "1" ? 500_000 : 30_000;
        for (int i = 0; i < cases; i++)
        {
            byte[] key = new byte[16], vector = new byte[16];
            random.NextBytes(key);
            random.NextBytes(vector);
            int length = random.Next(32) == 0 ? random.Next(8000) : random.Next(400);
            byte[] data = new byte[mode == "SM4-CTR" ? length : length & ~15], output = new byte[data.Length];
            random.NextBytes(data);
            using Sm4 cipher = new(key, Sm4Paths.Real[i % Sm4Paths.Real.Count]);
            foreach (bool encrypt in new[] { true, false })
            {
                switch (mode)
                {
                    case "SM4-ECB" when encrypt: cipher.EncryptEcb(data, output); break;
                    case "SM4-ECB": cipher.DecryptEcb(data, output); break;
                    case "SM4-CBC" when encrypt: cipher.EncryptCbc(data, vector, output); break;
                    case "SM4-CBC": cipher.DecryptCbc(data, vector, output); break;
                    default: cipher.TransformCtr(data, vector, output); break;
                }
                byte[] expected = OpenSslSm4.Transform(mode, key, vector, data, encrypt);
                Assert.True(output.AsSpan().SequenceEqual(expected), $"case {i}: {data.Length} bytes, {(encrypt ? "encrypt" : "decrypt")}");
            }
        }
    }
}

/// <summary>The EVP interface of OpenSSL 3.</summary>
internal static unsafe partial class OpenSslSm4
{
    private const string Library = "libcrypto.so.3";

    public static string? WhyMissing { get; } = Probe();

    public static byte[] Transform(string mode, byte[] key, byte[] vector, byte[] data, bool encrypt)
    {
        nint context = EVP_CIPHER_CTX_new(), cipher = EVP_CIPHER_fetch(0, mode, null);
        try
        {
            byte[] output = new byte[data.Length + 16];
            fixed (byte* k = key, v = vector, from = data, to = output)
            {
                int written, last;
                Check(EVP_CipherInit_ex2(context, cipher, k, v, encrypt ? 1 : 0, 0));
                Check(EVP_CIPHER_CTX_set_padding(context, 0));
                Check(EVP_CipherUpdate(context, to, &written, from, data.Length));
                Check(EVP_CipherFinal_ex(context, to + written, &last));
                return output[..(written + last)];
            }
        }
        finally
        {
            EVP_CIPHER_free(cipher);
            EVP_CIPHER_CTX_free(context);
        }
    }

    private static string? Probe()
    {
        if (!NativeLibrary.TryLoad(Library, out _))
            return $"{Library} is not installed.";
        nint cipher = EVP_CIPHER_fetch(0, "SM4-CTR", null);
        if (cipher == 0)
            return $"{Library} was built without SM4.";
        EVP_CIPHER_free(cipher);
        return null;
    }

    private static void Check(int result)
    {
        if (result != 1)
            throw new InvalidOperationException("OpenSSL refused a call.");
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_CIPHER_fetch(nint context, string algorithm, string? properties);

    [LibraryImport(Library)]
    private static partial void EVP_CIPHER_free(nint cipher);

    [LibraryImport(Library)]
    private static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_CIPHER_CTX_set_padding(nint context, int padding);

    [LibraryImport(Library)]
    private static partial int EVP_CipherInit_ex2(nint context, nint cipher, byte* key, byte* vector, int encrypt, nint parameters);

    [LibraryImport(Library)]
    private static partial int EVP_CipherUpdate(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Library)]
    private static partial int EVP_CipherFinal_ex(nint context, byte* output, int* written);
}
