using Qanat.Gm;
using Qanat.Tls;
using Qanat.Tls.Certificates;

namespace Qanat.Interop;

/// <summary>
/// Root, authority, and the pairs of a server and a client, as files in the forms that peers read, made anew by our own authority as <c>qanat gm pki</c> makes them.
/// </summary>
internal sealed class InteropPki
{
    /// <summary>Opens the keys that GmSSL reads: it takes no plain ones.</summary>
    public const string Password = "interop";

    private readonly string _folder;
    private readonly SmCertificateAuthority _authority;
    private readonly DateTimeOffset _from = DateTimeOffset.UtcNow.AddMinutes(-5);

    /// <summary>Makes everything in a folder.</summary>
    public InteropPki(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        SmCertificateAuthority root = SmCertificateAuthority.CreateRoot(Name("Interop Root CA"), Sm2.Create(), SmCertificateProfile.Authority(_from, _from.AddDays(30), pathLength: null));
        Sm2 key = Sm2.Create();
        _authority = new SmCertificateAuthority(root.Issue(Name("Interop CA"), key, SmCertificateProfile.Authority(_from, _from.AddDays(30), pathLength: 0)), key);
        Write("root.crt", root.Certificate.ToPem());
        Write("ca.crt", _authority.Certificate.ToPem());
        Write("chain.crt", _authority.Certificate.ToPem(), root.Certificate.ToPem());
        Trust = new SmTrustStore([root.Certificate]);
        TrustWithAuthority = new SmTrustStore([root.Certificate], [_authority.Certificate]);
        Server = Issue("server", ["localhost", "127.0.0.1"]);
        Client = Issue("client", []);
    }

    /// <summary>The root.</summary>
    public SmTrustStore Trust { get; }

    /// <summary>The root, and the authority below it for peers that do not send it: gotlcp's client sends its two certificates alone.</summary>
    public SmTrustStore TrustWithAuthority { get; }

    /// <summary>For a server named localhost.</summary>
    public SmSslCredential Server { get; }

    /// <summary>For a client.</summary>
    public SmSslCredential Client { get; }

    /// <summary>The path of one of the files: <c>root.crt</c>, <c>ca.crt</c>, <c>chain.crt</c>, and for <c>server</c> and <c>client</c> the names below.</summary>
    public string File(string name) => Path.Combine(_folder, name);

    private SmSslCredential Issue(string name, string[] hosts)
    {
        Sm2 signKey = Sm2.Create(), encryptKey = Sm2.Create();
        SmCertificate sign = _authority.Issue(Name(name), signKey, SmCertificateProfile.Sign(_from, _from.AddDays(7)).For(hosts));
        SmCertificate encrypt = _authority.Issue(Name(name), encryptKey, SmCertificateProfile.Encrypt(_from, _from.AddDays(7)).For(hosts));
        string ca = _authority.Certificate.ToPem();
        Write($"{name}.sign.crt", sign.ToPem());
        Write($"{name}.sign-chain.crt", sign.ToPem(), ca);
        Write($"{name}.enc.crt", encrypt.ToPem());
        Write($"{name}.enc-chain.crt", encrypt.ToPem(), ca);
        Write($"{name}.pair.crt", sign.ToPem(), encrypt.ToPem(), ca);
        Write($"{name}.sign.key", new string(Sm2Keys.WritePkcs8PrivateKeyPem(signKey)));
        Write($"{name}.enc.key", new string(Sm2Keys.WritePkcs8PrivateKeyPem(encryptKey)));
        string encryptedSign = Encrypted(signKey), encryptedEncrypt = Encrypted(encryptKey);
        Write($"{name}.sign.gmssl.key", encryptedSign);
        Write($"{name}.pair.gmssl.key", encryptedSign, encryptedEncrypt);
        return new SmSslCredential([sign, _authority.Certificate], signKey, encrypt, encryptKey);
    }

    private static string Encrypted(Sm2 key) => new(Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, Password, Sm2KeyEncryption.Sm));

    private static SmName Name(string commonName) => SmName.Create(commonName, "Interop", country: "CN");

    private void Write(string name, params string[] pems) => System.IO.File.WriteAllText(File(name), string.Join('\n', pems) + "\n");
}
