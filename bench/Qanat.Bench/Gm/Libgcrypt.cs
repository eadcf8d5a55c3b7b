using System.Runtime.InteropServices;

namespace Qanat.Bench.Gm;

/// <summary>The system's libgcrypt, by P/Invoke.</summary>
internal static unsafe partial class Libgcrypt
{
    private const string Library = "libgcrypt.so.20";
    public const int Sm4 = 318, Cbc = 3, Ctr = 6, GcmMode = 9;

    public static string? WhyMissing { get; } = Probe(out string version);

    public static string Name { get; } = Probe(out string version) is null ? $"libgcrypt {version}" : "libgcrypt";

    /// <summary>An open cipher, kept until the process ends.</summary>
    public static nint OpenCipher(int mode, ReadOnlySpan<byte> key)
    {
        Check(gcry_cipher_open(out nint handle, Sm4, mode, 0));
        fixed (byte* bytes = key)
            Check(gcry_cipher_setkey(handle, bytes, (nuint)key.Length));
        return handle;
    }

    public static void Seal(nint cipher, byte[] nonce, byte[] associated, byte[] source, byte[] destination, byte[] tag)
    {
        fixed (byte* n = nonce, a = associated, from = source, to = destination, t = tag)
        {
            Check(gcry_cipher_setiv(cipher, n, (nuint)nonce.Length));
            Check(gcry_cipher_authenticate(cipher, a, (nuint)associated.Length));
            Check(gcry_cipher_encrypt(cipher, to, (nuint)destination.Length, from, (nuint)source.Length));
            Check(gcry_cipher_gettag(cipher, t, (nuint)tag.Length));
        }
    }

    public static void Open(nint cipher, byte[] nonce, byte[] associated, byte[] source, byte[] destination, byte[] tag)
    {
        fixed (byte* n = nonce, a = associated, from = source, to = destination, t = tag)
        {
            Check(gcry_cipher_setiv(cipher, n, (nuint)nonce.Length));
            Check(gcry_cipher_authenticate(cipher, a, (nuint)associated.Length));
            Check(gcry_cipher_decrypt(cipher, to, (nuint)destination.Length, from, (nuint)source.Length));
            Check(gcry_cipher_checktag(cipher, t, (nuint)tag.Length));
        }
    }

    public static void Ctrl(nint cipher, byte[] counter, byte[] source, byte[] destination)
    {
        fixed (byte* c = counter, from = source, to = destination)
        {
            Check(gcry_cipher_setctr(cipher, c, (nuint)counter.Length));
            Check(gcry_cipher_encrypt(cipher, to, (nuint)destination.Length, from, (nuint)source.Length));
        }
    }

    private static string? Probe(out string version)
    {
        version = "";
        if (!NativeLibrary.TryLoad(Library, out _))
            return $"{Library} is not installed (Debian: libgcrypt20)";
        version = Marshal.PtrToStringUTF8(gcry_check_version(null)) ?? "";
        return gcry_cipher_open(out _, Sm4, Ctr, 0) == 0 ? null : $"libgcrypt {version} has no SM4";
    }

    private static void Check(uint error)
    {
        if (error != 0)
            throw new InvalidOperationException($"libgcrypt failed with {error & 0xFFFF}.");
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint gcry_check_version(string? version);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_open(out nint handle, int algorithm, int mode, uint flags);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_setkey(nint handle, byte* key, nuint length);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_setiv(nint handle, byte* vector, nuint length);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_setctr(nint handle, byte* counter, nuint length);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_authenticate(nint handle, byte* data, nuint length);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_encrypt(nint handle, byte* output, nuint outputLength, byte* input, nuint inputLength);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_decrypt(nint handle, byte* output, nuint outputLength, byte* input, nuint inputLength);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_gettag(nint handle, byte* tag, nuint length);

    [LibraryImport(Library)]
    private static partial uint gcry_cipher_checktag(nint handle, byte* tag, nuint length);
}
