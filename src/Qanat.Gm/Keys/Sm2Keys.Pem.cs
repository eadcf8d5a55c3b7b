using System.Security.Cryptography;

namespace Qanat.Gm;

public static partial class Sm2Keys
{
    private const string Pkcs8Label = "PRIVATE KEY";
    private const string EncryptedLabel = "ENCRYPTED PRIVATE KEY";
    private const string ECLabel = "EC PRIVATE KEY";
    private const string Sm2Label = "SM2 PRIVATE KEY"; // OpenSSL's name for an ECPrivateKey of this curve
    private const string PublicLabel = "PUBLIC KEY";

    /// <summary>True when the first key in the text is encrypted and needs a password.</summary>
    public static bool IsEncryptedPem(ReadOnlySpan<char> pem) => FindKey(pem, out _, out string label) && label == EncryptedLabel;

    /// <summary>Reads the first key of a PEM text: <c>PRIVATE KEY</c>, <c>ENCRYPTED PRIVATE KEY</c>, <c>EC PRIVATE KEY</c> (or <c>SM2 PRIVATE KEY</c>) or <c>PUBLIC KEY</c>. Other blocks are passed over.</summary>
    /// <param name="pem">The text (RFC 7468).</param>
    /// <param name="password">Needed for an encrypted key, and only then looked at.</param>
    /// <exception cref="Sm2KeyException">No key, not an SM2 key, a password that is missing or wrong.</exception>
    public static Sm2 ReadPem(ReadOnlySpan<char> pem, ReadOnlySpan<char> password = default)
    {
        if (!FindKey(pem, out ReadOnlySpan<char> base64, out string label))
        {
            throw pem.Contains("Proc-Type:", StringComparison.Ordinal)
                ? new Sm2KeyException(Sm2KeyError.UnsupportedEncryption, "the key is in the old PEM encryption (Proc-Type: 4,ENCRYPTED), derived by one MD5; convert it: openssl pkcs8 -topk8")
                : new Sm2KeyException(Sm2KeyError.NoKeyInPem, "no PEM block of a key ('-----BEGIN PRIVATE KEY-----' and its like)");
        }
        if (label == EncryptedLabel && password.IsEmpty)
        {
            throw new Sm2KeyException(Sm2KeyError.PasswordRequired, "the private key is encrypted; give its password");
        }
        byte[] buffer = new byte[base64.Length];
        try
        {
            // The text was found well formed, white space included, by PemEncoding.
            if (!Convert.TryFromBase64Chars(base64, buffer, out int length))
            {
                throw new Sm2KeyException(Sm2KeyError.NoKeyInPem, "the PEM block is not base64; the file is damaged");
            }
            ReadOnlyMemory<byte> der = buffer.AsMemory(0, length);
            return label switch
            {
                Pkcs8Label => ReadPkcs8PrivateKey(der),
                EncryptedLabel => ReadEncryptedPkcs8PrivateKey(der, password),
                ECLabel => ReadECPrivateKey(der),
                _ => ReadSubjectPublicKeyInfo(der),
            };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <summary>Writes an unencrypted PKCS#8 private key as PEM. The caller clears the result.</summary>
    public static char[] WritePkcs8PrivateKeyPem(Sm2 key) => ToPem(Pkcs8Label, WritePkcs8PrivateKey(key));

    /// <summary>Writes an encrypted PKCS#8 private key as PEM; see <see cref="WriteEncryptedPkcs8PrivateKey"/>.</summary>
    public static char[] WriteEncryptedPkcs8PrivateKeyPem(Sm2 key, ReadOnlySpan<char> password, Sm2KeyEncryption encryption) =>
        ToPem(EncryptedLabel, WriteEncryptedPkcs8PrivateKey(key, password, encryption));

    /// <summary>Writes an ECPrivateKey as PEM. The caller clears the result.</summary>
    public static char[] WriteECPrivateKeyPem(Sm2 key) => ToPem(ECLabel, WriteECPrivateKey(key));

    /// <summary>Writes the public key as PEM.</summary>
    public static string WriteSubjectPublicKeyInfoPem(Sm2 key) => PemEncoding.WriteString(PublicLabel, WriteSubjectPublicKeyInfo(key));

    private static char[] ToPem(string label, byte[] der)
    {
        try
        {
            return PemEncoding.Write(label, der);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static bool FindKey(ReadOnlySpan<char> pem, out ReadOnlySpan<char> base64, out string label)
    {
        while (PemEncoding.TryFind(pem, out PemFields fields))
        {
            ReadOnlySpan<char> found = pem[fields.Label];
            string? known = found is Pkcs8Label ? Pkcs8Label : found is EncryptedLabel ? EncryptedLabel : found is ECLabel or Sm2Label ? ECLabel : found is PublicLabel ? PublicLabel : null;
            if (known is not null)
            {
                base64 = pem[fields.Base64Data];
                label = known;
                return true;
            }
            pem = pem[fields.Location.End..];
        }
        base64 = default;
        label = "";
        return false;
    }
}
