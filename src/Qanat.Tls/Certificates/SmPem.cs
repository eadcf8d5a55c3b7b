using System.Security.Cryptography;

namespace Qanat.Tls.Certificates;

/// <summary>Public PEM blocks (RFC 7468): certificates, requests, revocation lists. For keys see <see cref="Gm.Sm2Keys"/>.</summary>
internal static class SmPem
{
    public const string CertificateLabel = "CERTIFICATE";
    public const string RequestLabel = "CERTIFICATE REQUEST";
    public const string CrlLabel = "X509 CRL";

    private const int MaxBlocks = 1000;
    private const int MaxChars = 64 * 1024 * 1024;

    /// <summary>The first block of the label.</summary>
    public static byte[] ReadOne(ReadOnlySpan<char> pem, string label) => ReadAll(pem, label, 1)[0];

    /// <summary>All blocks of the label, at least one. Other blocks and the text between are passed over.</summary>
    public static IReadOnlyList<byte[]> ReadAll(ReadOnlySpan<char> pem, string label) => ReadAll(pem, label, MaxBlocks);

    private static List<byte[]> ReadAll(ReadOnlySpan<char> pem, string label, int atMost)
    {
        if (pem.Length > MaxChars)
        {
            throw new SmCertificateException(SmCertificateError.TooLarge, $"a PEM text of {pem.Length} characters; at most {MaxChars} are read");
        }
        List<byte[]> blocks = [];
        while (blocks.Count < atMost && PemEncoding.TryFind(pem, out PemFields fields))
        {
            if (pem[fields.Label].SequenceEqual(label))
            {
                byte[] der = new byte[fields.DecodedDataLength];
                if (!Convert.TryFromBase64Chars(pem[fields.Base64Data], der, out int length) || length != der.Length)
                {
                    throw new SmCertificateException(SmCertificateError.MalformedPem, $"the PEM block {label} is not base64; the file is damaged");
                }
                blocks.Add(der);
            }
            pem = pem[fields.Location.End..];
        }
        return blocks.Count > 0 ? blocks : throw new SmCertificateException(SmCertificateError.MalformedPem, $"no PEM block '-----BEGIN {label}-----'");
    }
}
