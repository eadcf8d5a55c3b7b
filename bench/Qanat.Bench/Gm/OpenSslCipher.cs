using System.Runtime.InteropServices;

namespace Qanat.Bench.Gm;

/// <summary>A cipher of the system's OpenSSL 3 with its key set once; kept until the process ends.</summary>
internal sealed unsafe partial class OpenSslCipher
{
    private const string Library = "libcrypto.so.3";
    private readonly nint _context = EVP_CIPHER_CTX_new();

    public OpenSslCipher(string algorithm, byte[] key)
    {
        fixed (byte* k = key)
        {
            if (EVP_CipherInit_ex2(_context, EVP_CIPHER_fetch(0, algorithm, null), k, null, 1, 0) != 1)
                throw new InvalidOperationException($"OpenSSL refuses {algorithm}.");
        }
    }

    public static string? WhyMissing { get; } =
        !NativeLibrary.TryLoad(Library, out _) ? $"{Library} is not installed (Debian: libssl3)" : EVP_CIPHER_fetch(0, "SM4-CTR", null) == 0 ? $"{Library} was built without SM4" : null;

    public static string Name { get; } = WhyMissing is null ? Marshal.PtrToStringUTF8(OpenSSL_version(6)) is { } version ? $"OpenSSL {version}" : "OpenSSL 3" : "OpenSSL 3";

    public void Encrypt(byte[] vector, byte[] source, byte[] destination)
    {
        fixed (byte* v = vector, from = source, to = destination)
        {
            int written;
            if (EVP_CipherInit_ex2(_context, 0, null, v, 1, 0) != 1 || EVP_CipherUpdate(_context, to, &written, from, source.Length) != 1)
                throw new InvalidOperationException("OpenSSL refused a call.");
        }
    }

    [LibraryImport(Library)]
    private static partial nint OpenSSL_version(int type);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_CIPHER_fetch(nint context, string algorithm, string? properties);

    [LibraryImport(Library)]
    private static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    private static partial int EVP_CipherInit_ex2(nint context, nint cipher, byte* key, byte* vector, int encrypt, nint parameters);

    [LibraryImport(Library)]
    private static partial int EVP_CipherUpdate(nint context, byte* output, int* written, byte* input, int length);
}
