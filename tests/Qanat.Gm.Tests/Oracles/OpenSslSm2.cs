using System.Runtime.InteropServices;

namespace Qanat.Gm.Tests.Oracles;

/// <summary>One SM2 key in Debian's OpenSSL 3.</summary>
internal sealed unsafe partial class OpenSslSm2 : IDisposable
{
    private const string Library = "libcrypto.so.3";
    private const uint UnsignedInteger = 2, Utf8String = 4, OctetString = 5;
    private const int PublicKeySelection = 0x86, KeyPairSelection = 0x87;
    private static readonly bool s_present = NativeLibrary.TryLoad(Library, out _);

    private readonly nint _key;

    /// <summary>A key pair, or a public key if <paramref name="d"/> is empty.</summary>
    public OpenSslSm2(ReadOnlySpan<byte> d, ReadOnlySpan<byte> point)
    {
        byte[] littleEndian = d.ToArray();
        Array.Reverse(littleEndian);
        nint context = EVP_PKEY_CTX_new_from_name(0, "SM2", 0);
        fixed (byte* group = "SM2\0"u8, groupKey = "group\0"u8, publicName = "pub\0"u8, privateName = "priv\0"u8, publicBytes = point, privateBytes = littleEndian)
        {
            Parameter* parameters = stackalloc Parameter[4];
            parameters[0] = new Parameter { Key = groupKey, Type = Utf8String, Data = group, Size = 3 };
            parameters[1] = new Parameter { Key = publicName, Type = OctetString, Data = publicBytes, Size = (nuint)point.Length };
            parameters[2] = d.IsEmpty ? default : new Parameter { Key = privateName, Type = UnsignedInteger, Data = privateBytes, Size = 32 };
            parameters[3] = default;
            Assert.Equal(1, EVP_PKEY_fromdata_init(context));
            Assert.Equal(1, EVP_PKEY_fromdata(context, out _key, d.IsEmpty ? PublicKeySelection : KeyPairSelection, parameters));
        }
        EVP_PKEY_CTX_free(context);
    }

    /// <summary>Skips the test where the library is missing, or fails it where everything is required (QANAT_REQUIRE=all).</summary>
    public static void Require()
    {
        const string Reason = Library + " is not installed (Debian: libssl3)";
        if (!s_present && Environment.GetEnvironmentVariable("QANAT_REQUIRE") == "all") Assert.Fail("Required here: " + Reason);
        Assert.SkipUnless(s_present, Reason);
    }

    public byte[] Sign(ReadOnlySpan<byte> userId, ReadOnlySpan<byte> data)
    {
        nint context = EVP_MD_CTX_new();
        byte[] signature = new byte[80];
        nuint length = 80;
        fixed (byte* id = userId, name = "distid\0"u8, input = data, output = signature)
        {
            Parameter* parameters = stackalloc Parameter[2];
            parameters[0] = new Parameter { Key = name, Type = OctetString, Data = id, Size = (nuint)userId.Length };
            parameters[1] = default;
            // OpenSSL 3.0 takes the id only once the context is there.
            Assert.Equal(1, EVP_DigestSignInit_ex(context, out nint keyContext, "SM3", 0, 0, _key, null));
            Assert.Equal(1, EVP_PKEY_CTX_set_params(keyContext, parameters));
            Assert.Equal(1, EVP_DigestSign(context, output, ref length, input, (nuint)data.Length));
        }
        EVP_MD_CTX_free(context);
        return signature[..(int)length];
    }

    public bool Verify(ReadOnlySpan<byte> userId, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        nint context = EVP_MD_CTX_new();
        int result;
        fixed (byte* id = userId, name = "distid\0"u8, input = data, proof = signature)
        {
            Parameter* parameters = stackalloc Parameter[2];
            parameters[0] = new Parameter { Key = name, Type = OctetString, Data = id, Size = (nuint)userId.Length };
            parameters[1] = default;
            // OpenSSL 3.0 takes the id only once the context is there.
            Assert.Equal(1, EVP_DigestVerifyInit_ex(context, out nint keyContext, "SM3", 0, 0, _key, null));
            Assert.Equal(1, EVP_PKEY_CTX_set_params(keyContext, parameters));
            result = EVP_DigestVerify(context, proof, (nuint)signature.Length, input, (nuint)data.Length);
        }
        EVP_MD_CTX_free(context);
        return result == 1;
    }

    public byte[] Encrypt(ReadOnlySpan<byte> plaintext)
    {
        nint context = EVP_PKEY_CTX_new_from_pkey(0, _key, 0);
        byte[] ciphertext = new byte[plaintext.Length + 256];
        nuint length = (nuint)ciphertext.Length;
        Assert.Equal(1, EVP_PKEY_encrypt_init(context));
        fixed (byte* input = plaintext, output = ciphertext) Assert.Equal(1, EVP_PKEY_encrypt(context, output, ref length, input, (nuint)plaintext.Length));
        EVP_PKEY_CTX_free(context);
        return ciphertext[..(int)length];
    }

    public byte[] Decrypt(ReadOnlySpan<byte> ciphertext)
    {
        nint context = EVP_PKEY_CTX_new_from_pkey(0, _key, 0);
        byte[] plaintext = new byte[ciphertext.Length];
        nuint length = (nuint)plaintext.Length;
        Assert.Equal(1, EVP_PKEY_decrypt_init(context));
        fixed (byte* input = ciphertext, output = plaintext) Assert.Equal(1, EVP_PKEY_decrypt(context, output, ref length, input, (nuint)ciphertext.Length));
        EVP_PKEY_CTX_free(context);
        return plaintext[..(int)length];
    }

    /// <summary>The x coordinate of d times the point; the EVP functions have no ECDH on this curve.</summary>
    public static byte[] Agree(ReadOnlySpan<byte> d, ReadOnlySpan<byte> point)
    {
        const int Sm2Curve = 1172;
        nint group = EC_GROUP_new_by_curve_name(Sm2Curve), peer = EC_POINT_new(group), product = EC_POINT_new(group), scalar = BN_new(), x = BN_new();
        byte[] secret = new byte[32];
        fixed (byte* bytes = d, encoded = point, output = secret)
        {
            BN_bin2bn(bytes, 32, scalar);
            Assert.Equal(1, EC_POINT_oct2point(group, peer, encoded, 65, 0));
            Assert.Equal(1, EC_POINT_mul(group, product, 0, peer, scalar, 0));
            Assert.Equal(1, EC_POINT_get_affine_coordinates(group, product, x, 0, 0));
            Assert.Equal(32, BN_bn2binpad(x, output, 32));
        }
        BN_free(x);
        BN_free(scalar);
        EC_POINT_free(product);
        EC_POINT_free(peer);
        EC_GROUP_free(group);
        return secret;
    }

    public void Dispose() => EVP_PKEY_free(_key);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint EVP_PKEY_CTX_new_from_name(nint context, string name, nint properties);

    [LibraryImport(Library)]
    private static partial nint EVP_PKEY_CTX_new_from_pkey(nint context, nint key, nint properties);

    [LibraryImport(Library)]
    private static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_fromdata_init(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_fromdata(nint context, out nint key, int selection, Parameter* parameters);

    [LibraryImport(Library)]
    private static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    private static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int EVP_DigestSignInit_ex(nint context, out nint keyContext, string digest, nint library, nint properties, nint key, Parameter* parameters);

    [LibraryImport(Library)]
    private static partial int EVP_DigestSign(nint context, byte* signature, ref nuint signatureLength, byte* data, nuint length);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int EVP_DigestVerifyInit_ex(nint context, out nint keyContext, string digest, nint library, nint properties, nint key, Parameter* parameters);

    [LibraryImport(Library)]
    private static partial int EVP_DigestVerify(nint context, byte* signature, nuint signatureLength, byte* data, nuint length);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_encrypt_init(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_encrypt(nint context, byte* output, ref nuint outputLength, byte* input, nuint length);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_decrypt_init(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_decrypt(nint context, byte* output, ref nuint outputLength, byte* input, nuint length);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_CTX_set_params(nint context, Parameter* parameters);

    [LibraryImport(Library)]
    private static partial nint EC_GROUP_new_by_curve_name(int curve);

    [LibraryImport(Library)]
    private static partial void EC_GROUP_free(nint group);

    [LibraryImport(Library)]
    private static partial nint EC_POINT_new(nint group);

    [LibraryImport(Library)]
    private static partial void EC_POINT_free(nint point);

    [LibraryImport(Library)]
    private static partial int EC_POINT_oct2point(nint group, nint point, byte* encoded, nuint length, nint context);

    [LibraryImport(Library)]
    private static partial int EC_POINT_mul(nint group, nint result, nint scalarOfBase, nint point, nint scalar, nint context);

    [LibraryImport(Library)]
    private static partial int EC_POINT_get_affine_coordinates(nint group, nint point, nint x, nint y, nint context);

    [LibraryImport(Library)]
    private static partial nint BN_new();

    [LibraryImport(Library)]
    private static partial void BN_free(nint number);

    [LibraryImport(Library)]
    private static partial nint BN_bin2bn(byte* bytes, int length, nint number);

    [LibraryImport(Library)]
    private static partial int BN_bn2binpad(nint number, byte* bytes, int length);

    /// <summary>OSSL_PARAM, whose last field is the size that was returned.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct Parameter
    {
        public byte* Key;
        public uint Type;
        public void* Data;
        public nuint Size;
    }
}
