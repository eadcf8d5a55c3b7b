using System.Runtime.InteropServices;

namespace Qanat.Gm.Tests.Oracles;

/// <summary>SM3 and HMAC-SM3 of Debian's OpenSSL 3.</summary>
internal static unsafe partial class OpenSslSm3
{
    private const string Library = "libcrypto.so.3";
    private static readonly bool s_present = NativeLibrary.TryLoad(Library, out _);

    /// <summary>Skips the test where the library is missing, or fails it where everything is required (QANAT_REQUIRE=all).</summary>
    public static void Require()
    {
        const string Reason = Library + " is not installed (Debian: libssl3)";
        if (!s_present && Environment.GetEnvironmentVariable("QANAT_REQUIRE") == "all")
        {
            Assert.Fail("Required here: " + Reason);
        }
        Assert.SkipUnless(s_present, Reason);
    }

    public static byte[] Hash(ReadOnlySpan<byte> data)
    {
        byte[] hash = new byte[32];
        fixed (byte* input = data, output = hash)
        {
            Assert.Equal(1, EVP_Q_digest(0, "SM3", 0, input, (nuint)data.Length, output, out nuint written));
            Assert.Equal(32u, written);
        }
        return hash;
    }

    public static byte[] Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        byte[] mac = new byte[32];
        fixed (byte* keyBytes = key, input = data, output = mac)
        {
            // A null key means "no key"; an empty one is a key of length zero.
            byte none = 0;
            Assert.NotEqual(0, EVP_Q_mac(0, "HMAC", 0, "SM3", 0, keyBytes is null ? &none : keyBytes, (nuint)key.Length, input, (nuint)data.Length, output, 32, out nuint written));
            Assert.Equal(32u, written);
        }
        return mac;
    }

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int EVP_Q_digest(nint context, string name, nint properties, byte* data, nuint length, byte* digest, out nuint digestLength);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_Q_mac(
        nint context, string name, nint properties, string digest, nint parameters, byte* key, nuint keyLength, byte* data, nuint length, byte* mac, nuint macSize, out nuint macLength);
}
