using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qanat.Tunnel.Identity;

/// <summary>
/// Certificates that settings name by file. What checks the settings and what uses them read through here, so that a file that cannot be used is said
/// before anything starts. Stateless and safe from any thread.
/// </summary>
public static class CertificateFile
{
    private const int MaxFileBytes = 1 << 20;

    /// <summary>Reads the CA certificates of a PEM file, at least one: an empty file must not turn a check off.</summary>
    /// <param name="file">Path of the PEM file.</param>
    /// <param name="what">What the file is for, such as <c>organisation CA</c>; begins the message of an error.</param>
    /// <returns>The certificates; the caller disposes them.</returns>
    /// <exception cref="TunnelException"><see cref="TunnelError.UntrustedCertificate"/>: the file cannot be read, or holds no PEM certificate.</exception>
    public static X509Certificate2Collection ReadAuthorities(string file, string what)
    {
        X509Certificate2Collection roots = Read(file, what, TunnelError.UntrustedCertificate);
        return roots.Count > 0
            ? roots
            : throw new TunnelException(TunnelError.UntrustedCertificate, $"The {what} file '{file}' holds no PEM certificate; name a file with CA certificates.");
    }

    /// <summary>Says whether <see cref="ReadAuthorities"/> will do.</summary>
    /// <exception cref="TunnelException">As there.</exception>
    public static void CheckAuthorities(string file, string what) => Dispose(ReadAuthorities(file, what));

    /// <summary>Reads a certificate chain in PEM, own certificate first, and looks no further than its form.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>: the file cannot be read, or holds no PEM certificate.</exception>
    public static void CheckChain(string file, string what)
    {
        X509Certificate2Collection chain = Read(file, what, TunnelError.InvalidIdentity);
        bool isEmpty = chain.Count == 0;
        Dispose(chain);
        if (isEmpty)
        {
            throw new TunnelException(TunnelError.InvalidIdentity, $"The {what} file '{file}' holds no PEM certificate; name a file with the certificate and its chain.");
        }
    }

    /// <summary>Reads a server certificate with its unencrypted private key, both PEM.</summary>
    /// <returns>The certificate with its key; the caller disposes it.</returns>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>: a file cannot be read, is no PEM, or the key is not that of the certificate.</exception>
    public static X509Certificate2 ReadWithKey(string certificateFile, string keyFile)
    {
        try
        {
            using X509Certificate2 loaded = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            // Some platforms' TLS wants the key persisted with the certificate.
            byte[] exported = loaded.Export(X509ContentType.Pkcs12);
            try
            {
                return X509CertificateLoader.LoadPkcs12(exported, null);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(exported);
            }
        }
        catch (Exception e) when (IsUnusable(e))
        {
            throw new TunnelException(TunnelError.InvalidIdentity,
                $"The certificate '{certificateFile}' with the key '{keyFile}' cannot be used: {e.Message} Both must be PEM, the key unencrypted and that of the first certificate.", e);
        }
    }

    private static X509Certificate2Collection Read(string file, string what, TunnelError error)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            long length = new FileInfo(file).Length;
            if (length > MaxFileBytes)
            {
                throw new TunnelException(error, $"The {what} file '{file}' has {length} bytes; at most {MaxFileBytes} are read.");
            }
            certificates.ImportFromPemFile(file);
            return certificates;
        }
        catch (Exception e) when (IsUnusable(e))
        {
            Dispose(certificates);
            throw new TunnelException(error, $"The {what} file '{file}' cannot be read: {e.Message}", e);
        }
    }

    private static bool IsUnusable(Exception e) => e is CryptographicException or ArgumentException or UnauthorizedAccessException or NotSupportedException or (IOException and not TunnelException);

    private static void Dispose(X509Certificate2Collection certificates)
    {
        foreach (X509Certificate2 certificate in certificates)
        {
            certificate.Dispose();
        }
    }
}
