using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Qanat.Tls.Certificates;

/// <summary>What a validator trusts: anchors, helpful intermediates, revocation lists. Immutable; a change is a new store.</summary>
public sealed class SmTrustStore
{
    private const int MaxVerified = 4096;
    private const int MaxAuthorityNameBytes = 8192;
    private readonly Dictionary<SmName, SmCertificate[]> _anchors;
    private readonly Dictionary<SmName, SmCertificate[]> _intermediates;
    private readonly Dictionary<SmName, SmCertificateRevocationList[]> _lists;
    private readonly ConcurrentDictionary<(SmCertificateRevocationList, SmCertificate), bool> _verified = new();
    private readonly byte[] _id;

    /// <summary>Makes a store.</summary>
    /// <param name="anchors">Certificates that are trusted as they are: roots as a rule; an intermediate or a single end certificate may be pinned.</param>
    /// <param name="intermediates">Authorities that peers may forget to send. They are not trusted by themselves.</param>
    /// <param name="revocationLists">Lists of the authorities involved; each is verified before it is used.</param>
    public SmTrustStore(IEnumerable<SmCertificate> anchors, IEnumerable<SmCertificate>? intermediates = null, IEnumerable<SmCertificateRevocationList>? revocationLists = null)
    {
        ArgumentNullException.ThrowIfNull(anchors);
        (_anchors, _intermediates) = (BySubject(anchors), BySubject(intermediates ?? []));
        _lists = (revocationLists ?? []).GroupBy(l => l.Issuer).ToDictionary(g => g.Key, g => g.ToArray());
        _id = Identify();
        SmName[] names = [.. _anchors.Keys.Union(_intermediates.Keys)];
        AuthorityNames = names.Sum(name => sizeof(ushort) + name.RawData.Length) <= MaxAuthorityNameBytes ? [.. names.Select(name => name.RawData.ToArray())] : [];
    }

    /// <summary>How many anchors there are. None: every chain is refused.</summary>
    public int AnchorCount => _anchors.Values.Sum(list => list.Length);

    /// <summary>
    /// DER names of the anchors and of the intermediates below them, for a server's CertificateRequest: some clients (gotlcp) look only for the issuers of their certificates. Empty, which stands for any authority, when they take more than 8 KiB: the message stays within one record, and a
    /// client that has no certificate of so many authorities would not find one by the list either.
    /// </summary>
    internal IReadOnlyList<byte[]> AuthorityNames { get; }

    /// <summary>SHA-256 of everything in the store, for caches.</summary>
    internal ReadOnlySpan<byte> Id => _id;

    internal bool IsAnchor(SmCertificate certificate) => Anchors(certificate.Subject).Contains(certificate);

    internal IReadOnlyList<SmCertificate> Anchors(SmName subject) => _anchors.TryGetValue(subject, out SmCertificate[]? found) ? found : [];

    internal IReadOnlyList<SmCertificate> Intermediates(SmName subject) => _intermediates.TryGetValue(subject, out SmCertificate[]? found) ? found : [];

    internal IReadOnlyList<SmCertificateRevocationList> RevocationLists(SmName issuer) => _lists.TryGetValue(issuer, out SmCertificateRevocationList[]? found) ? found : [];

    /// <summary>True when the authority signed the list; each pair is verified once.</summary>
    internal bool IsSigned(SmCertificateRevocationList list, SmCertificate authority)
    {
        if (_verified.TryGetValue((list, authority), out bool known))
        {
            return known;
        }
        if (_verified.Count >= MaxVerified)
        {
            _verified.Clear();
        }
        return _verified[(list, authority)] = list.IsSignedBy(authority);
    }

    private static Dictionary<SmName, SmCertificate[]> BySubject(IEnumerable<SmCertificate> certificates) =>
        certificates.Distinct().GroupBy(c => c.Subject).ToDictionary(g => g.Key, g => g.ToArray());

    private byte[] Identify()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // DER says its own length, and each kind is closed by a zero, which no DER starts with.
        Append(_anchors.Values.SelectMany(list => list).Select(c => c.RawData));
        Append(_intermediates.Values.SelectMany(list => list).Select(c => c.RawData));
        Append(_lists.Values.SelectMany(list => list).Select(l => l.RawData));
        return hash.GetHashAndReset();

        void Append(IEnumerable<ReadOnlyMemory<byte>> items)
        {
            foreach (ReadOnlyMemory<byte> item in items)
            {
                hash.AppendData(item.Span);
            }
            hash.AppendData([0]);
        }
    }
}
