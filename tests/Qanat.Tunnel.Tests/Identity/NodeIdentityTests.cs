using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Tests.Identity;

public sealed class NodeIdentityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("qanat-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Saved_key_loads_as_the_same_mid_and_only_its_owner_can_read_it()
    {
        string path = Path.Combine(_folder, "node.key");
        using NodeIdentity made = NodeIdentity.Create();
        made.Save(path);
        using NodeIdentity loaded = NodeIdentity.Load(path);
        Assert.Equal(made.Mid, loaded.Mid);
        Assert.Equal(Mid.FromSubjectPublicKeyInfo(made.SubjectPublicKeyInfo.Span), loaded.Mid);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            Assert.Contains("chmod 600", Assert.Throws<TunnelException>(() => NodeIdentity.Load(path)).Message);
        }
    }

    [Fact]
    public void Save_never_overwrites()
    {
        string path = Path.Combine(_folder, "node.key");
        using NodeIdentity first = NodeIdentity.Create();
        first.Save(path);
        using NodeIdentity second = NodeIdentity.Create();
        Assert.Equal(TunnelError.InvalidIdentity, Assert.Throws<TunnelException>(() => second.Save(path)).Error);
        using NodeIdentity loaded = NodeIdentity.Load(path);
        Assert.Equal(first.Mid, loaded.Mid);
    }

    [Fact]
    public void Keys_that_cannot_be_used_are_refused_with_a_reason()
    {
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using RSA rsa = RSA.Create(2048);
        using NodeIdentity good = NodeIdentity.Create();
        foreach (string pem in new[] { "", "nonsense", p384.ExportPkcs8PrivateKeyPem(), rsa.ExportPkcs8PrivateKeyPem(), p384.ExportSubjectPublicKeyInfoPem(), good.Certificate.ExportCertificatePem() })
        {
            Assert.Equal(TunnelError.InvalidIdentity, Assert.Throws<TunnelException>(() => NodeIdentity.FromPem(pem)).Error);
        }
        Assert.Contains("qanat init", Assert.Throws<TunnelException>(() => NodeIdentity.Load(Path.Combine(_folder, "none"))).Message);
    }

    [Fact]
    public void Signature_verifies_only_for_its_key_data_and_form()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        using NodeIdentity other = NodeIdentity.Create();
        byte[] signature = identity.Sign("data"u8);
        Assert.Equal(NodeIdentity.SignatureLength, signature.Length);
        Assert.True(LinkSignature.Verify(identity.SubjectPublicKeyInfo.Span, "data"u8, signature));
        Assert.False(LinkSignature.Verify(identity.SubjectPublicKeyInfo.Span, "Data"u8, signature));
        Assert.False(LinkSignature.Verify(other.SubjectPublicKeyInfo.Span, "data"u8, signature));
        Assert.False(LinkSignature.Verify(identity.SubjectPublicKeyInfo.Span, "data"u8, signature.AsSpan(1)));
        Assert.False(LinkSignature.Verify([1, 2, 3], "data"u8, signature));
        Assert.False(LinkSignature.Verify([.. identity.SubjectPublicKeyInfo.Span, 0], "data"u8, signature));
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.False(LinkSignature.Verify(p384.ExportSubjectPublicKeyInfo(), "data"u8, new byte[64]));
    }

    [Fact]
    public void Organisation_certificate_must_be_for_the_key()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa ca = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        CertificateRequest caRequest = new("CN=ca", ca, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 caCertificate = caRequest.CreateSelfSigned(now, now.AddDays(1));
        using X509Certificate2 leaf = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256).Create(caCertificate, now, now.AddHours(1), [1]);
        string chain = leaf.ExportCertificatePem() + "\n" + caCertificate.ExportCertificatePem();

        using NodeIdentity identity = NodeIdentity.FromPem(key.ExportPkcs8PrivateKeyPem(), chain);
        Assert.True(identity.HasOrganisationCertificate);
        Assert.True(identity.Certificate.HasPrivateKey);
        Assert.Equal("CN=node", identity.Certificate.Subject);
        Assert.Equal("CN=ca", Assert.Single(identity.IntermediateCertificates).Subject);

        using NodeIdentity other = NodeIdentity.Create();
        Assert.False(other.HasOrganisationCertificate);
        Assert.Equal($"CN={other.Mid}", other.Certificate.Subject);
        Assert.Equal(TunnelError.InvalidIdentity, Assert.Throws<TunnelException>(() => NodeIdentity.FromPem(ca.ExportPkcs8PrivateKeyPem(), chain)).Error);
    }
}
