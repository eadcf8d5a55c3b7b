using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qanat.Bench.Peers;

/// <summary>Self-signed P-256 certificates for the peers, and mutual TLS 1.3 (AES-128-GCM) that accepts exactly one peer certificate.</summary>
public static class BenchCertificate
{
    /// <summary>Writes <c>NAME.pem</c> (certificate and key, as haproxy wants them) and <c>NAME.crt</c> (certificate only) into <paramref name="folder"/>.</summary>
    public static string Create(string folder, string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        string file = Path.Combine(folder, $"{name}.pem");
        File.WriteAllText(Path.Combine(folder, $"{name}.crt"), certificate.ExportCertificatePem());
        using (FileStream stream = new(file, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n"));
        }
        return file;
    }

    public static X509Certificate2 Load(string pemFile) => X509Certificate2.CreateFromPemFile(pemFile, pemFile);

    public static async Task<SslStream> ClientAsync(Stream inner, X509Certificate2 own, X509Certificate2 peer)
    {
        SslStream tls = new(inner, leaveInnerStreamOpen: false);
        await tls.AuthenticateAsClientAsync(ClientOptions(own, peer)).ConfigureAwait(false);
        return tls;
    }

    public static async Task<SslStream> ServerAsync(Stream inner, X509Certificate2 own, X509Certificate2 peer)
    {
        SslStream tls = new(inner, leaveInnerStreamOpen: false);
        await tls.AuthenticateAsServerAsync(ServerOptions(own, peer)).ConfigureAwait(false);
        return tls;
    }

    public static SslClientAuthenticationOptions ClientOptions(X509Certificate2 own, X509Certificate2 peer) => new()
    {
        TargetHost = peer.GetNameInfo(X509NameType.SimpleName, false),
        ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
        EnabledSslProtocols = SslProtocols.Tls13,
        CipherSuitesPolicy = Suites(),
        RemoteCertificateValidationCallback = (_, shown, _, _) => Same(shown, peer),
        AllowTlsResume = false,
    };

    public static SslServerAuthenticationOptions ServerOptions(X509Certificate2 own, X509Certificate2 peer) => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        CipherSuitesPolicy = Suites(),
        RemoteCertificateValidationCallback = (_, shown, _, _) => Same(shown, peer),
        AllowTlsResume = false,
    };

    private static bool Same(X509Certificate? shown, X509Certificate2 expected) =>
        shown is not null && CryptographicOperations.FixedTimeEquals(shown.GetRawCertData(), expected.RawDataMemory.Span);

    private static CipherSuitesPolicy Suites() => new([TlsCipherSuite.TLS_AES_128_GCM_SHA256]);
}
