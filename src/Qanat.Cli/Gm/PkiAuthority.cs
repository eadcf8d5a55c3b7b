using System.Numerics;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Cli.Gm;

/// <summary>The authority of a folder made by <c>qanat gm pki</c>: signs requests, and keeps the revocation list <c>ca.crl.pem</c>.</summary>
internal sealed class PkiAuthority : IDisposable
{
    private const int MaxRequestBytes = 128 * 1024;
    private static readonly TimeSpan s_backdate = TimeSpan.FromMinutes(5);
    private readonly string _folder;
    private readonly DateTimeOffset _now;
    private readonly Sm2 _key;
    private readonly SmCertificateAuthority _authority;

    public PkiAuthority(string folder, Func<string?> password, TimeProvider time)
    {
        (_folder, _now) = (Path.GetFullPath(folder), time.GetUtcNow());
        string certificate = Path.Combine(_folder, "ca.crt.pem");
        if (!File.Exists(certificate))
        {
            throw new CliException("invalid-certificate", $"--pki {folder}: there is no ca.crt.pem; make an authority with 'qanat gm pki --out {folder}'");
        }
        Certificate = GmFiles.ReadCertificate("--pki", certificate);
        _key = GmFiles.ReadKey(Path.Combine(_folder, "ca.key.pem"), password);
        try
        {
            _authority = new SmCertificateAuthority(Certificate, _key);
        }
        catch (ArgumentException e)
        {
            _key.Dispose();
            throw new CliException("invalid-certificate", $"--pki {certificate}: {e.Message}", inner: e);
        }
    }

    /// <summary>The authority's certificate.</summary>
    public SmCertificate Certificate { get; }

    /// <summary>Where the revocation list is.</summary>
    public string ListFile => Path.Combine(_folder, "ca.crl.pem");

    /// <summary>Reads a request; its signature is verified.</summary>
    public static SmCertificateRequest ReadRequest(string file)
    {
        try
        {
            return SmCertificateRequest.FromPem(Encoding.Latin1.GetString(GmFiles.Read("FILE", file, MaxRequestBytes)));
        }
        catch (SmCertificateException e)
        {
            throw new CliException("invalid-request", $"{file}: {e.Message}", inner: e);
        }
    }

    /// <summary>Issues the certificate that a request asks for.</summary>
    /// <param name="request">The subject and the key are taken from it.</param>
    /// <param name="isForEncryption">Of a TLCP pair: the encryption certificate, otherwise the signing one.</param>
    /// <param name="hosts">DNS names and addresses in place of those asked for; null: those.</param>
    /// <param name="lifetime">It never outlives the authority.</param>
    public SmCertificate Sign(SmCertificateRequest request, bool isForEncryption, IReadOnlyList<string>? hosts, TimeSpan lifetime)
    {
        DateTimeOffset from = Later(_now - s_backdate, Certificate.NotBefore), until = _now - s_backdate + lifetime;
        until = until < Certificate.NotAfter ? until : Certificate.NotAfter;
        if (until <= _now)
        {
            throw new CliException("authority-expired", $"{_folder}: the authority expired on {Certificate.NotAfter:u}; make a new one in another folder");
        }
        if (request.Subject.IsEmpty)
        {
            throw new CliException("invalid-request", "subject: the request names nobody; make it anew with a subject, such as 'qanat gm pki request --name NAME'");
        }
        if (request.PublicKey.PublicKey.SequenceEqual(_key.PublicKey))
        {
            throw new CliException("invalid-request", "subjectPublicKey: the request is for the authority's own key; make a key of its own for each certificate");
        }
        SmCertificateProfile profile = isForEncryption ? SmCertificateProfile.Encrypt(from, until) : SmCertificateProfile.Sign(from, until);
        return _authority.Issue(request, hosts is null ? profile with { DnsNames = request.DnsNames, IPAddresses = request.IPAddresses } : profile.For(hosts));
    }

    /// <summary>Adds certificates to the revocation list, or none, and issues it anew. False if all of them were on it already and nothing was written.</summary>
    /// <param name="revoked">Certificates of this authority.</param>
    /// <param name="lifetime">How long the list is good for.</param>
    /// <param name="list">The list as it is now.</param>
    public bool Revoke(IReadOnlyList<SmCertificate> revoked, TimeSpan lifetime, out SmCertificateRevocationList list)
    {
        foreach (SmCertificate certificate in revoked)
        {
            if (!certificate.Issuer.Equals(Certificate.Subject) || !certificate.IsSignedBy(Certificate))
            {
                throw new CliException("not-issued-here", $"issuer: {certificate} was issued by {certificate.Issuer}, not by the authority in {_folder}; revoke it there");
            }
        }
        string next = ListFile + ".new";
        // Made first and only once: two revocations at a time cannot lose one of the two.
        GmFiles.WriteNew(next, [], isSecret: false);
        try
        {
            SmCertificateRevocationList? last = ReadList();
            Dictionary<string, KeyValuePair<ReadOnlyMemory<byte>, DateTimeOffset>> entries = [];
            foreach (KeyValuePair<ReadOnlyMemory<byte>, DateTimeOffset> entry in last?.Revoked ?? [])
            {
                entries[Convert.ToHexString(entry.Key.Span)] = entry;
            }
            int added = revoked.Count(certificate => entries.TryAdd(Convert.ToHexString(certificate.SerialNumber.Span), KeyValuePair.Create(certificate.SerialNumber, _now)));
            if (revoked.Count > 0 && added == 0)
            {
                list = last!;
                return false;
            }
            // Numbers grow with the time of issue, and so does the time, even when a clock was set back.
            DateTimeOffset issued = DateTimeOffset.FromUnixTimeSeconds(_now.ToUnixTimeSeconds());
            issued = last is not null ? Later(issued, last.ThisUpdate.AddSeconds(1)) : issued;
            list = _authority.IssueRevocationList(entries.Values, new BigInteger(issued.ToUnixTimeSeconds()), issued, issued + lifetime);
            File.WriteAllText(next, list.ToPem() + "\n");
            File.Move(next, ListFile, overwrite: true);
            return true;
        }
        finally
        {
            File.Delete(next);
        }
    }

    public void Dispose() => _key.Dispose();

    private SmCertificateRevocationList? ReadList()
    {
        if (!File.Exists(ListFile))
        {
            return null;
        }
        try
        {
            SmCertificateRevocationList list = SmCertificateRevocationList.FromPem(Encoding.Latin1.GetString(GmFiles.Read("--pki", ListFile, 2 * SmCertificateRevocationList.MaxBytes)));
            return list.IsSignedBy(Certificate)
                ? list
                : throw new CliException("invalid-crl", $"{ListFile}: signature: not the authority's in {_folder}; put its own list back, since a new one would forget who was revoked");
        }
        catch (SmCertificateException e)
        {
            throw new CliException("invalid-crl", $"{ListFile}: {e.Message}; put the last good list back, since a new one would forget who was revoked", inner: e);
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
