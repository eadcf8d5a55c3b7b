using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls;

/// <summary>
/// What one end shows of itself: the signing certificate with its key and the authorities above it, and for TLCP also the encryption certificate with its key (GB/T 38636
/// section 6.4.5.3). Checked when made: each key belongs to its certificate and each certificate may do its part. Immutable; may be used by many connections and threads.
/// </summary>
public sealed class SmSslCredential : IDisposable
{
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>Makes a credential for TLS 1.3, which has no encryption certificate.</summary>
    /// <param name="signChain">The signing certificate first, then the authorities that issued it, without the root as a rule.</param>
    /// <param name="signKey">The private key of the first certificate. Owned from here on.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: a key is not that of its certificate, or a certificate is for another use.</exception>
    public SmSslCredential(IReadOnlyList<SmCertificate> signChain, Sm2 signKey)
        : this(signChain, signKey, null, null)
    {
    }

    /// <summary>Makes a credential for TLCP and TLS 1.3.</summary>
    /// <param name="signChain">The signing certificate first, then the authorities that issued it, without the root as a rule.</param>
    /// <param name="signKey">The private key of the first certificate. Owned from here on.</param>
    /// <param name="encryptCertificate">The encryption certificate of the same subject; null when there is none.</param>
    /// <param name="encryptKey">Its private key. Owned from here on.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: a key is not that of its certificate, or a certificate is for another use.</exception>
    public SmSslCredential(IReadOnlyList<SmCertificate> signChain, Sm2 signKey, SmCertificate? encryptCertificate, Sm2? encryptKey)
    {
        ArgumentNullException.ThrowIfNull(signChain);
        ArgumentNullException.ThrowIfNull(signKey);
        if (signChain.Count == 0)
        {
            throw Invalid("the chain of a credential is empty; give the signing certificate, then its authorities");
        }
        if (encryptCertificate is null != encryptKey is null)
        {
            throw Invalid("an encryption certificate and its key belong together; give both or none");
        }
        RequireKey(signChain[0], signKey, "signing");
        if (signChain[0].KeyUsage is { } usage && !usage.HasFlag(SmKeyUsage.DigitalSignature))
        {
            throw Invalid($"the signing certificate {signChain[0]} may not sign (keyUsage {usage}); the signing certificate comes first, and is one with digitalSignature");
        }
        foreach (SmCertificate authority in signChain.Skip(1))
        {
            if (!authority.IsCertificateAuthority)
            {
                throw Invalid($"{authority} in the chain is no authority; after the signing certificate only authorities follow");
            }
        }
        if (encryptCertificate is not null)
        {
            RequirePair(signChain[0], encryptCertificate, encryptKey!);
        }
        (SignChain, SignKey) = ([.. signChain], signKey);
        (EncryptCertificate, EncryptKey) = (encryptCertificate, encryptKey);
        Tls13Chain = [.. SignChain];
        TlcpChain = encryptCertificate is null ? Tls13Chain : [SignChain[0], encryptCertificate, .. SignChain.Skip(1)];
    }

    /// <summary>The signing certificate, then the authorities.</summary>
    public IReadOnlyList<SmCertificate> SignChain { get; }

    /// <summary>The private key of the signing certificate.</summary>
    public Sm2 SignKey { get; }

    /// <summary>The encryption certificate of TLCP; null for a credential of TLS 1.3 only.</summary>
    public SmCertificate? EncryptCertificate { get; }

    /// <summary>The private key of the encryption certificate.</summary>
    public Sm2? EncryptKey { get; }

    /// <summary>The signing certificate.</summary>
    public SmCertificate SignCertificate => SignChain[0];

    /// <summary>True when there is an encryption certificate, as TLCP needs.</summary>
    public bool IsPair => EncryptCertificate is not null;

    /// <summary>What a Certificate message of TLCP holds: signing, encryption, authorities.</summary>
    internal IReadOnlyList<SmCertificate> TlcpChain { get; }

    /// <summary>What a Certificate message of TLS 1.3 holds: signing, authorities.</summary>
    internal IReadOnlyList<SmCertificate> Tls13Chain { get; }

    /// <summary>
    /// Makes a credential from PEM texts (RFC 7468). The certificates may stand in one text as TLCP sends them - signing, encryption, authorities - or apart.
    /// </summary>
    /// <param name="certificates">The signing certificate first; an encryption certificate may be the second; authorities follow.</param>
    /// <param name="signKey">The private key of the signing certificate: PKCS#8, encrypted PKCS#8 or SEC 1.</param>
    /// <param name="encryptKey">The private key of the encryption certificate; empty for TLS 1.3 only.</param>
    /// <param name="encryptCertificate">The encryption certificate when it is not among <paramref name="certificates"/>.</param>
    /// <param name="password">Opens encrypted keys, both of them.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: a text cannot be read, or the parts do not belong together. The message says what and how to fix it.</exception>
    public static SmSslCredential FromPem(
        ReadOnlySpan<char> certificates, ReadOnlySpan<char> signKey, ReadOnlySpan<char> encryptKey = default, ReadOnlySpan<char> encryptCertificate = default, ReadOnlySpan<char> password = default)
    {
        List<SmCertificate> chain;
        SmCertificate? encrypt = null;
        try
        {
            chain = [.. SmCertificate.ListFromPem(certificates)];
            if (!encryptCertificate.IsEmpty)
            {
                encrypt = SmCertificate.FromPem(encryptCertificate);
            }
        }
        catch (SmCertificateException e)
        {
            throw Invalid($"the certificates of a credential: {e.Message}", e);
        }
        if (chain.Count > 1 && !chain[1].IsCertificateAuthority)
        {
            encrypt ??= chain[1];
            chain.RemoveAt(1);
        }
        // A file with both certificates and only the signing key still serves TLS 1.3.
        if (encryptKey.IsEmpty && encryptCertificate.IsEmpty)
        {
            encrypt = null;
        }
        Sm2? sign = null, second = null;
        try
        {
            sign = ReadKey(signKey, password, "signing");
            second = encryptKey.IsEmpty ? null : ReadKey(encryptKey, password, "encryption");
            return new SmSslCredential(chain, sign, encrypt, second);
        }
        catch
        {
            sign?.Dispose();
            second?.Dispose();
            throw;
        }
    }

    /// <summary>Makes a credential from PEM files; see <see cref="FromPem"/>.</summary>
    /// <param name="certificateFile">The signing certificate first; an encryption certificate may be the second; authorities follow.</param>
    /// <param name="signKeyFile">The private key of the signing certificate.</param>
    /// <param name="encryptKeyFile">The private key of the encryption certificate; null for TLS 1.3 only.</param>
    /// <param name="encryptCertificateFile">The encryption certificate when it is not in <paramref name="certificateFile"/>.</param>
    /// <param name="password">Opens encrypted keys.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>, as for <see cref="FromPem"/>.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SmSslCredential FromPemFiles(
        string certificateFile, string signKeyFile, string? encryptKeyFile = null, string? encryptCertificateFile = null, ReadOnlySpan<char> password = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(certificateFile);
        ArgumentException.ThrowIfNullOrEmpty(signKeyFile);
        char[] certificates = ReadFile(certificateFile), encryptCertificate = ReadFile(encryptCertificateFile);
        char[] signKey = ReadFile(signKeyFile), encryptKey = ReadFile(encryptKeyFile);
        try
        {
            return FromPem(certificates, signKey, encryptKey, encryptCertificate, password);
        }
        catch (SmTlsException e)
        {
            string files = string.Join(", ", new[] { certificateFile, signKeyFile, encryptCertificateFile, encryptKeyFile }.Where(f => f is not null));
            throw Invalid($"{e.Message} (files: {files})", e);
        }
        finally
        {
            signKey.AsSpan().Clear();
            encryptKey.AsSpan().Clear();
        }
    }

    /// <summary>Zeroes the private keys. No connection may use the credential any more.</summary>
    public void Dispose()
    {
        SignKey.Dispose();
        EncryptKey?.Dispose();
    }

    private static void RequirePair(SmCertificate sign, SmCertificate encrypt, Sm2 encryptKey)
    {
        RequireKey(encrypt, encryptKey, "encryption");
        if (encrypt.SubjectPublicKeyInfo.Span.SequenceEqual(sign.SubjectPublicKeyInfo.Span))
        {
            throw Invalid($"the encryption certificate {encrypt} has the key of the signing certificate; the pair needs two keys");
        }
        if (!SmChainChecks.IsForEncryption(encrypt) || SmChainChecks.IsForSigning(encrypt))
        {
            throw Invalid($"the encryption certificate {encrypt} must be for encryption and not for signing (keyUsage {encrypt.KeyUsage?.ToString() ?? "not stated"}); reissue it with keyEncipherment and keyAgreement only");
        }
        if (!encrypt.Subject.Equals(sign.Subject) || !encrypt.Issuer.Equals(sign.Issuer))
        {
            throw Invalid($"the encryption certificate {encrypt} has another subject or issuer than the signing certificate {sign}; peers refuse such a pair");
        }
    }

    private static void RequireKey(SmCertificate certificate, Sm2 key, string which)
    {
        if (!key.HasPrivateKey)
        {
            throw Invalid($"the {which} key is a public key; the private key is needed");
        }
        if (!key.PublicKey.SequenceEqual(certificate.PublicKey.PublicKey))
        {
            throw Invalid($"the {which} key is not that of {certificate}; give the key of that certificate (or the two keys are swapped)");
        }
    }

    private static Sm2 ReadKey(ReadOnlySpan<char> pem, ReadOnlySpan<char> password, string which)
    {
        try
        {
            return Sm2Keys.ReadPem(pem, password);
        }
        catch (Sm2KeyException e)
        {
            throw Invalid($"the {which} key: {e.Message}", e);
        }
    }

    private static char[] ReadFile(string? path)
    {
        if (path is null)
        {
            return [];
        }
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (file.Length > MaxFileBytes)
        {
            throw Invalid($"{path} has {file.Length} bytes; PEM files of at most {MaxFileBytes} are read");
        }
        byte[] content = new byte[file.Length];
        int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        char[] text = Encoding.Latin1.GetChars(content, 0, length);
        CryptographicOperations.ZeroMemory(content);
        return text;
    }

    private static SmTlsException Invalid(string message, Exception? inner = null) => new(SmTlsError.InvalidOptions, message, inner);
}
