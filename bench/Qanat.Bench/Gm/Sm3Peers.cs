using System.Runtime.InteropServices;

namespace Qanat.Bench.Gm;

/// <summary>SM3 of the system's libgcrypt, and SM3 and HMAC-SM3 of its OpenSSL 3 with the key set once.</summary>
internal static unsafe partial class Sm3Peers
{
    private const string Gcrypt = "libgcrypt.so.20", OpenSsl = "libcrypto.so.3";
    private const int GcryptSm3 = 326;

    /// <summary>An object of OpenSSL that hashes again and again; kept until the process ends.</summary>
    public static nint NewOpenSslHash() => EVP_MD_CTX_new();

    public static void GcryptHash(byte[] data, byte[] hash)
    {
        fixed (byte* from = data, to = hash)
            gcry_md_hash_buffer(GcryptSm3, to, from, (nuint)data.Length);
    }

    public static void OpenSslHash(nint context, byte[] data, byte[] hash)
    {
        fixed (byte* from = data, to = hash)
        {
            Check(EVP_DigestInit_ex(context, EVP_sm3(), 0));
            Check(EVP_DigestUpdate(context, from, (nuint)data.Length));
            Check(EVP_DigestFinal_ex(context, to, null));
        }
    }

    /// <summary>An HMAC-SM3 of OpenSSL under one key; kept until the process ends.</summary>
    public static nint NewOpenSslHmac(byte[] key)
    {
        nint context = EVP_MAC_CTX_new(EVP_MAC_fetch(0, "HMAC", null));
        fixed (byte* name = "digest\0"u8, value = "SM3\0"u8, k = key)
        {
            Parameter* parameters = stackalloc Parameter[2];
            parameters[0] = new Parameter { Key = name, Type = 4, Data = value, Size = 3, ReturnSize = 0 };
            parameters[1] = default;
            Check(EVP_MAC_init(context, k, (nuint)key.Length, parameters));
        }
        return context;
    }

    public static void OpenSslMac(nint context, byte[] data, int offset, int length, byte[] mac)
    {
        fixed (byte* from = data, to = mac)
        {
            Check(EVP_MAC_init(context, null, 0, null));
            Check(EVP_MAC_update(context, from + offset, (nuint)length));
            Check(EVP_MAC_final(context, to, out _, (nuint)mac.Length));
        }
    }

    private static void Check(int result)
    {
        if (result != 1)
            throw new InvalidOperationException("OpenSSL refused a call.");
    }

    /// <summary>OSSL_PARAM.</summary>
    private struct Parameter
    {
        public byte* Key;
        public uint Type;
        public void* Data;
        public nuint Size;
        public nuint ReturnSize;
    }

    [LibraryImport(Gcrypt)]
    private static partial void gcry_md_hash_buffer(int algorithm, byte* digest, byte* data, nuint length);

    [LibraryImport(OpenSsl)]
    private static partial nint EVP_MD_CTX_new();

    [LibraryImport(OpenSsl)]
    private static partial nint EVP_sm3();

    [LibraryImport(OpenSsl)]
    private static partial int EVP_DigestInit_ex(nint context, nint digest, nint engine);

    [LibraryImport(OpenSsl)]
    private static partial int EVP_DigestUpdate(nint context, byte* data, nuint length);

    [LibraryImport(OpenSsl)]
    private static partial int EVP_DigestFinal_ex(nint context, byte* digest, uint* length);

    [LibraryImport(OpenSsl, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_MAC_fetch(nint context, string algorithm, string? properties);

    [LibraryImport(OpenSsl)]
    private static partial nint EVP_MAC_CTX_new(nint mac);

    [LibraryImport(OpenSsl)]
    private static partial int EVP_MAC_init(nint context, byte* key, nuint length, Parameter* parameters);

    [LibraryImport(OpenSsl)]
    private static partial int EVP_MAC_update(nint context, byte* data, nuint length);

    [LibraryImport(OpenSsl)]
    private static partial int EVP_MAC_final(nint context, byte* mac, out nuint length, nuint size);
}
