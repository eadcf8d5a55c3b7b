using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>Keys and certificates go both ways between this library and OpenSSL 3.</summary>
[Trait("Kind", "Interop")]
public sealed class OpenSslInteropTests
{
    private const string Id = "distid:1234567812345678";
    private static readonly TestPki s_pki = new();

    [Fact]
    public void OpenSsl_verifies_the_certificates_that_are_issued()
    {
        using OpenSsl openssl = OpenSsl.Require();
        openssl.Write("root.pem", s_pki.Root.Certificate.ToPem());
        openssl.Write("ca.pem", s_pki.Ca.Certificate.ToPem());
        openssl.Write("sign.pem", s_pki.Sign.ToPem());
        openssl.Write("enc.pem", s_pki.Encrypt.ToPem());
        // -vfyopt reaches only the certificate that is asked about, so each step is its own question.
        string at = s_pki.Sign.NotBefore.AddHours(1).ToUnixTimeSeconds().ToString();
        openssl.Run("verify", "-attime", at, "-vfyopt", Id, "-x509_strict", "-trusted", "root.pem", "root.pem");
        openssl.Run("verify", "-attime", at, "-vfyopt", Id, "-trusted", "root.pem", "ca.pem");
        openssl.Run("verify", "-attime", at, "-vfyopt", Id, "-partial_chain", "-trusted", "ca.pem", "-verify_hostname", TestPki.Host, "sign.pem");
        openssl.Run("verify", "-attime", at, "-vfyopt", Id, "-partial_chain", "-trusted", "ca.pem", "enc.pem");
        openssl.Fails("verify", "-attime", at, "-vfyopt", "distid:other", "-partial_chain", "-trusted", "ca.pem", "sign.pem");
        string text = openssl.Run("x509", "-in", "enc.pem", "-noout", "-text");
        Assert.Contains("Key Encipherment, Data Encipherment, Key Agreement", text, StringComparison.Ordinal);
        Assert.Contains("ASN1 OID: SM2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_that_openssl_issues_are_accepted()
    {
        using OpenSsl openssl = OpenSsl.Require();
        openssl.Write("ext.cnf", """
            [sign]
            keyUsage = critical, digitalSignature
            subjectAltName = DNS:www.example.cn
            extendedKeyUsage = serverAuth
            basicConstraints = CA:FALSE
            [enc]
            keyUsage = critical, keyEncipherment, keyAgreement
            authorityKeyIdentifier = keyid,issuer
            """);
        openssl.Run("ecparam", "-genkey", "-name", "SM2", "-out", "root.key");
        openssl.Run("req", "-new", "-x509", "-key", "root.key", "-sm3", "-sigopt", Id, "-days", "9", "-subj", "/C=CN/O=OpenSSL/CN=Root", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "root.pem");
        foreach (string role in new[] { "sign", "enc" })
        {
            openssl.Run("ecparam", "-genkey", "-name", "SM2", "-out", $"{role}.key");
            openssl.Run("req", "-new", "-key", $"{role}.key", "-sm3", "-sigopt", Id, "-subj", "/C=CN/CN=server", "-out", $"{role}.csr");
            openssl.Run("x509", "-req", "-in", $"{role}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-sm3", "-sigopt", Id, "-vfyopt", Id, "-days", "8",
                "-extfile", "ext.cnf", "-extensions", role, "-out", $"{role}.pem");
        }
        SmCertificate root = SmCertificate.FromPem(openssl.Read("root.pem"));
        SmCertificate[] pair = [SmCertificate.FromPem(openssl.Read("sign.pem")), SmCertificate.FromPem(openssl.Read("enc.pem"))];
        SmChainResult result = new SmChainValidator(new SmTrustStore([root])).Validate(pair, SmChainRequest.Server("www.example.cn", SmChainForm.Pair), pair[1].NotBefore.AddHours(1));
        Assert.True(result.IsValid, result.ToString());
        using Sm2 key = Sm2Keys.ReadPem(openssl.Read("sign.key"));
        Assert.Equal(pair[0].SubjectPublicKeyInfo.ToArray(), Sm2Keys.WriteSubjectPublicKeyInfo(key));
        SmCertificateRequest request = SmCertificateRequest.FromPem(openssl.Read("sign.csr"));
        Assert.Equal("CN=server, C=CN", request.Subject.ToString());
    }

    [Fact]
    public void Requests_and_revocation_lists_are_accepted_by_openssl()
    {
        using OpenSsl openssl = OpenSsl.Require();
        openssl.Write("request.pem", SmCertificateRequest.Create(SmName.Create("server"), s_pki.SignKey, "www.example.cn").ToPem());
        openssl.Run("req", "-in", "request.pem", "-noout", "-verify", "-vfyopt", Id);
        openssl.Write("crl.pem", s_pki.Ca.IssueRevocationList([KeyValuePair.Create(s_pki.Sign.SerialNumber, TestPki.Now)], 5, TestPki.Now, TestPki.Now.AddDays(7)).ToPem());
        string text = openssl.Run("crl", "-in", "crl.pem", "-noout", "-text");
        Assert.Contains(Convert.ToHexString(s_pki.Sign.SerialNumber.Span), text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X509v3 CRL Number", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_go_both_ways()
    {
        using OpenSsl openssl = OpenSsl.Require();
        using Sm2 key = Sm2.Create();
        openssl.Write("pkcs8.pem", Sm2Keys.WritePkcs8PrivateKeyPem(key));
        openssl.Write("sec1.pem", Sm2Keys.WriteECPrivateKeyPem(key));
        openssl.Write("aes.pem", Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, "secret", Sm2KeyEncryption.Aes with { Iterations = 2048 }));
        openssl.Write("sm4.pem", Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, "secret", new Sm2KeyEncryption(Sm2KeyCipher.Sm4Cbc, Sm2KeyPrf.HmacSha256, 2048)));
        string expected = Sm2Keys.WriteSubjectPublicKeyInfoPem(key);
        foreach (string file in new[] { "pkcs8.pem", "sec1.pem", "aes.pem", "sm4.pem" })
        {
            Assert.Equal(expected, openssl.Run("pkey", "-in", file, "-passin", "pass:secret", "-pubout").TrimEnd());
        }
        openssl.Run("pkcs8", "-topk8", "-in", "pkcs8.pem", "-passout", "pass:secret", "-v2", "sm4-cbc", "-v2prf", "hmacWithSHA256", "-out", "their-sm4.pem");
        openssl.Run("pkcs8", "-topk8", "-in", "pkcs8.pem", "-passout", "pass:secret", "-v2", "aes-256-cbc", "-out", "their-aes.pem");
        openssl.Run("pkey", "-in", "pkcs8.pem", "-out", "their-plain.pem");
        openssl.Run("ec", "-in", "pkcs8.pem", "-out", "their-sec1.pem");
        foreach (string file in new[] { "their-sm4.pem", "their-aes.pem", "their-plain.pem", "their-sec1.pem" })
        {
            using Sm2 read = Sm2Keys.ReadPem(openssl.Read(file), "secret");
            Assert.Equal(key.PublicKey.ToArray(), read.PublicKey.ToArray());
            Assert.True(read.HasPrivateKey);
        }
    }

    [Fact]
    public void Signatures_go_both_ways()
    {
        using OpenSsl openssl = OpenSsl.Require();
        using Sm2 key = Sm2.Create();
        openssl.Write("key.pem", Sm2Keys.WritePkcs8PrivateKeyPem(key));
        openssl.Write("message", "message");
        openssl.Run("pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-digest", "sm3", "-pkeyopt", Id, "-in", "message", "-out", "theirs");
        Assert.True(key.VerifyData("message"u8, Sm2.DefaultUserId, File.ReadAllBytes(openssl["theirs"]), DSASignatureFormat.Rfc3279DerSequence));
        File.WriteAllBytes(openssl["ours"], key.SignData("message"u8, Sm2.DefaultUserId, DSASignatureFormat.Rfc3279DerSequence));
        openssl.Run("pkeyutl", "-verify", "-inkey", "key.pem", "-rawin", "-digest", "sm3", "-pkeyopt", Id, "-in", "message", "-sigfile", "ours");
    }
}
