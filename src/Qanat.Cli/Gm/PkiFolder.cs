using System.Text;
using Qanat.Cli.Starting;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Gm;

/// <summary>
/// A folder with an SM2 authority and what it issued: <c>root-ca</c>, <c>ca</c>, and for each peer NAME the pair <c>NAME.sign</c> and <c>NAME.enc</c> with keys, and <c>NAME.chain.crt.pem</c>
/// as TLCP sends it. What is there stays; what is missing is made.
/// </summary>
internal sealed class PkiFolder(string folder, TimeProvider time)
{
    private const string Root = "root-ca";
    private const string Intermediate = "ca";

    // A certificate must be valid at a peer whose clock is a little behind.
    private static readonly TimeSpan s_backdate = TimeSpan.FromMinutes(5);

    /// <summary>Organization in every name.</summary>
    public required string Organization { get; init; }

    /// <summary>Two letters.</summary>
    public required string Country { get; init; }

    /// <summary>How long end certificates last.</summary>
    public required TimeSpan Lifetime { get; init; }

    /// <summary>How long the two authorities last, when they are made.</summary>
    public required TimeSpan AuthorityLifetime { get; init; }

    /// <summary>Encrypts every private key that is written; null: keys are protected by their file mode only.</summary>
    public string? Password { get; init; }

    /// <summary>How they are encrypted.</summary>
    public Sm2KeyEncryption Encryption { get; init; } = Sm2KeyEncryption.Sm;

    /// <summary>Files that were made.</summary>
    public List<string> Made { get; } = [];

    private DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Makes the folder, the authorities and the pairs that are missing.</summary>
    /// <param name="servers">For each server its hosts; the first one names the files.</param>
    /// <param name="clients">Names of clients.</param>
    public void Write(IReadOnlyList<IReadOnlyList<string>> servers, IReadOnlyList<string> clients)
    {
        StarterFolder.Create(folder);
        using Sm2 issuerKey = OpenAuthority(out SmCertificateAuthority issuer);
        foreach (IReadOnlyList<string> hosts in servers)
        {
            WritePair(issuer, hosts[0], hosts);
        }
        foreach (string client in clients)
        {
            WritePair(issuer, client, []);
        }
    }

    private Sm2 OpenAuthority(out SmCertificateAuthority issuer)
    {
        if (File.Exists(Certificate(Intermediate)))
        {
            Sm2 existing = GmFiles.ReadKey(Key(Intermediate), () => Password);
            issuer = Authority(GmFiles.ReadCertificate("--out", Certificate(Intermediate)), existing);
            return existing;
        }
        using Sm2 rootKey = Sm2.Create();
        Sm2 key = Sm2.Create();
        DateTimeOffset from = Now - s_backdate;
        SmCertificateAuthority root = SmCertificateAuthority.CreateRoot(Name($"{Organization} Root CA"), rootKey, SmCertificateProfile.Authority(from, from + AuthorityLifetime, pathLength: null));
        SmCertificate certificate = root.Issue(Name($"{Organization} CA"), key, SmCertificateProfile.Authority(from, from + AuthorityLifetime, pathLength: 0));
        WriteKey(Root, rootKey);
        WriteCertificate(Root, root.Certificate.ToPem());
        WriteKey(Intermediate, key);
        WriteCertificate(Intermediate, certificate.ToPem());
        issuer = Authority(certificate, key);
        return key;
    }

    private SmCertificateAuthority Authority(SmCertificate certificate, Sm2 key)
    {
        try
        {
            return new SmCertificateAuthority(certificate, key);
        }
        catch (ArgumentException e)
        {
            throw new CliException("invalid-certificate", $"{Certificate(Intermediate)}: {e.Message}", inner: e);
        }
    }

    private void WritePair(SmCertificateAuthority issuer, string name, IReadOnlyList<string> hosts)
    {
        string sign = $"{name}.sign", encrypt = $"{name}.enc";
        if (File.Exists(Certificate(sign)) && File.Exists(Certificate(encrypt)))
        {
            return;
        }
        DateTimeOffset from = Now - s_backdate, until = from + Lifetime;
        if (until > issuer.Certificate.NotAfter)
        {
            until = issuer.Certificate.NotAfter;
        }
        if (from < issuer.Certificate.NotBefore)
        {
            from = issuer.Certificate.NotBefore;
        }
        if (until <= Now)
        {
            throw new CliException("authority-expired", $"{Certificate(Intermediate)} expired on {issuer.Certificate.NotAfter:u}; make a new authority in another --out folder");
        }
        using Sm2 signKey = Sm2.Create(), encryptKey = Sm2.Create();
        SmName subject = Name(name);
        string chain = issuer.Issue(subject, signKey, SmCertificateProfile.Sign(from, until).For(hosts)).ToPem() + "\n";
        string second = issuer.Issue(subject, encryptKey, SmCertificateProfile.Encrypt(from, until).For(hosts)).ToPem() + "\n";
        WriteKey(sign, signKey);
        WriteKey(encrypt, encryptKey);
        WriteCertificate(sign, chain);
        WriteCertificate(encrypt, second);
        WriteCertificate($"{name}.chain", chain + second + issuer.Certificate.ToPem() + "\n");
    }

    private SmName Name(string commonName)
    {
        try
        {
            return SmName.Create(commonName, Organization, country: Country);
        }
        catch (ArgumentException e)
        {
            throw new CliException("usage", $"name '{commonName}': {e.Message}", ExitCode.Usage);
        }
    }

    private void WriteKey(string name, Sm2 key)
    {
        char[] pem = Password is null ? Sm2Keys.WritePkcs8PrivateKeyPem(key) : Sm2Keys.WriteEncryptedPkcs8PrivateKeyPem(key, Password, Encryption);
        GmFiles.WriteSecret(Key(name), [.. pem, '\n']);
        pem.AsSpan().Clear();
        Made.Add(Key(name));
    }

    private void WriteCertificate(string name, string pem)
    {
        GmFiles.WriteNew(Certificate(name), Encoding.ASCII.GetBytes(pem.EndsWith('\n') ? pem : pem + "\n"), isSecret: false);
        Made.Add(Certificate(name));
    }

    private string Certificate(string name) => Path.Combine(folder, name + ".crt.pem");

    private string Key(string name) => Path.Combine(folder, name + ".key.pem");
}
