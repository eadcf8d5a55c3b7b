using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qanat.Client.Tests;

/// <summary>A private CA and a certificate of it for 127.0.0.1, as PEM files in a folder.</summary>
internal sealed record HubCertificate(string Ca, string Certificate, string Key)
{
    public static HubCertificate Make(string folder)
    {
        using ECDsa caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256), key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest root = new("CN=test CA", caKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 ca = root.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        CertificateRequest leaf = new("CN=hub", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        leaf.CertificateExtensions.Add(names.Build());
        using X509Certificate2 issued = leaf.Create(ca, now.AddDays(-1), now.AddDays(1), [1, 2, 3]);
        HubCertificate files = new(Path.Combine(folder, "ca.pem"), Path.Combine(folder, "tls.pem"), Path.Combine(folder, "tls.key"));
        File.WriteAllText(files.Ca, ca.ExportCertificatePem());
        File.WriteAllText(files.Certificate, issued.ExportCertificatePem());
        File.WriteAllText(files.Key, key.ExportPkcs8PrivateKeyPem());
        return files;
    }
}
