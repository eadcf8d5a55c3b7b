using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Streams;

public sealed class SmSslCredentialTests : IDisposable
{
    private const string Password = "correct horse";
    private readonly TestPki _pki = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-credential-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Chains_are_those_of_each_protocol()
    {
        using SmSslCredential pair = new([_pki.Sign, _pki.Ca.Certificate], _pki.SignKey, _pki.Encrypt, _pki.EncryptKey);
        Assert.True(pair.IsPair);
        Assert.Equal([_pki.Sign, _pki.Encrypt, _pki.Ca.Certificate], pair.TlcpChain);
        Assert.Equal([_pki.Sign, _pki.Ca.Certificate], pair.Tls13Chain);
    }

    [Fact]
    public void Keys_must_belong_to_their_certificates()
    {
        Refuses("signing key is not that of", () => new SmSslCredential([_pki.Sign], _pki.EncryptKey));
        Refuses("encryption key is not that of", () => new SmSslCredential([_pki.Sign], _pki.SignKey, _pki.Encrypt, _pki.SignKey));
        Refuses("signing key is a public key", () => new SmSslCredential([_pki.Sign], Sm2.ImportPublicKey(_pki.SignKey.PublicKey)));
        Refuses("belong together", () => new SmSslCredential([_pki.Sign], _pki.SignKey, _pki.Encrypt, null));
        Refuses("empty", () => new SmSslCredential([], _pki.SignKey));
    }

    [Fact]
    public void Certificates_must_be_for_their_part()
    {
        Refuses("may not sign", () => new SmSslCredential([_pki.Encrypt], _pki.EncryptKey));
        Refuses("must be for encryption", () => new SmSslCredential([_pki.Sign], _pki.SignKey, Other(_pki.Subject, SmKeyUsage.DigitalSignature, out Sm2 key), key));
        Refuses("another subject", () => new SmSslCredential([_pki.Sign], _pki.SignKey, Other(SmName.Create("other", "Example"), SmKeyUsage.KeyEncipherment, out Sm2 key), key));
        Refuses("two keys", () => new SmSslCredential([_pki.Sign], _pki.SignKey, Issue(_pki.Subject, SmKeyUsage.KeyEncipherment, _pki.SignKey), _pki.SignKey));
        Refuses("no authority", () => new SmSslCredential([_pki.Sign, _pki.Encrypt], _pki.SignKey));
    }

    [Fact]
    public void Pem_is_read_in_one_text_as_tlcp_sends_it_and_apart()
    {
        string all = Pem(_pki.Pair), sign = Pem(_pki.Sign, _pki.Ca.Certificate), encrypt = Pem(_pki.Encrypt);
        string signKey = KeyPem(_pki.SignKey), encryptKey = KeyPem(_pki.EncryptKey);
        using SmSslCredential one = SmSslCredential.FromPem(all, signKey, encryptKey);
        using SmSslCredential two = SmSslCredential.FromPem(sign, signKey, encryptKey, encrypt);
        using SmSslCredential single = SmSslCredential.FromPem(all, signKey);
        Assert.Equal(_pki.Pair, one.TlcpChain);
        Assert.Equal(_pki.Pair, two.TlcpChain);
        Assert.False(single.IsPair);
        Assert.Equal([_pki.Sign, _pki.Ca.Certificate], single.TlcpChain);
    }

    [Fact]
    public void Encrypted_keys_are_opened_with_the_password_and_the_message_says_what_is_missing()
    {
        string encrypted = new(Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(_pki.SignKey, Password, Sm2KeyEncryption.Sm with { Iterations = 1000 }));
        using SmSslCredential read = SmSslCredential.FromPem(Pem(_pki.Sign), encrypted, password: Password);
        Assert.True(read.SignKey.HasPrivateKey);
        Refuses("give its password", () => SmSslCredential.FromPem(Pem(_pki.Sign), encrypted));
        Refuses("signing key", () => SmSslCredential.FromPem(Pem(_pki.Sign), encrypted, password: "wrong"));
    }

    [Fact]
    public void Files_are_read_and_named_in_errors()
    {
        string chain = Write("all.pem", Pem(_pki.Pair)), sign = Write("sign.key", KeyPem(_pki.SignKey)), encrypt = Write("enc.key", KeyPem(_pki.EncryptKey));
        using SmSslCredential read = SmSslCredential.FromPemFiles(chain, sign, encrypt);
        Assert.Equal(_pki.Pair, read.TlcpChain);
        SmTlsException swapped = Refuses("the two keys are swapped", () => SmSslCredential.FromPemFiles(chain, encrypt, sign));
        Assert.Contains(chain, swapped.Message, StringComparison.Ordinal);
        Refuses("certificates of a credential", () => SmSslCredential.FromPemFiles(sign, sign));
        Refuses("are read", () => SmSslCredential.FromPemFiles(Write("big.pem", new string(' ', 2_000_000)), sign));
        Assert.Throws<FileNotFoundException>(() => SmSslCredential.FromPemFiles(chain, Path.Combine(_folder.FullName, "none")));
    }

    [Fact]
    public void Disposed_credential_can_sign_no_more()
    {
        SmSslCredential pair = new([_pki.Sign], _pki.SignKey, _pki.Encrypt, _pki.EncryptKey);
        pair.Dispose();
        Assert.ThrowsAny<Exception>(() => _pki.SignKey.ExportPrivateKey(new byte[Sm2.KeySizeInBytes]));
        Assert.ThrowsAny<Exception>(() => _pki.EncryptKey.ExportPrivateKey(new byte[Sm2.KeySizeInBytes]));
    }

    private SmCertificate Other(SmName subject, SmKeyUsage usage, out Sm2 key) => Issue(subject, usage, key = Sm2.Create());

    private SmCertificate Issue(SmName subject, SmKeyUsage usage, Sm2 key) =>
        _pki.Ca.Issue(subject, key, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)) with { KeyUsage = usage });

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string Pem(params SmCertificate[] certificates) => string.Join('\n', certificates.Select(c => c.ToPem())) + "\n";

    private static string KeyPem(Sm2 key) => new(Sm2Keys.WritePkcs8PrivateKeyPem(key));

    private static SmTlsException Refuses(string text, Func<SmSslCredential> make)
    {
        SmTlsException e = Assert.Throws<SmTlsException>(make);
        Assert.Equal(SmTlsError.InvalidOptions, e.Error);
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
        return e;
    }
}
