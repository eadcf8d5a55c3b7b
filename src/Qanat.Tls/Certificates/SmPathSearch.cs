namespace Qanat.Tls.Certificates;

/// <summary>Looks for ways from one certificate to an anchor; bounded in depth and in signatures verified. For one validation, not thread-safe.</summary>
internal sealed class SmPathSearch(SmTrustStore trust, SmChainOptions options, IReadOnlyList<SmCertificate> presented)
{
    private readonly Dictionary<(SmCertificate, SmCertificate), bool> _verified = [];
    private int _signaturesLeft = options.MaxSignatures;

    /// <summary>True when the search ended for lack of signatures.</summary>
    public bool IsExhausted { get; private set; }

    /// <summary>Where the search got stuck, furthest from the end certificate.</summary>
    public SmCertificate? StuckAt { get; private set; }

    /// <summary>True when an authority of the issuer's name was there at <see cref="StuckAt"/>, but did not make the signature.</summary>
    public bool IsStuckBySignature { get; private set; }

    private int _stuckDepth;

    /// <summary>Every path from <paramref name="end"/> to an anchor, both included; signatures are verified, nothing else is.</summary>
    public IEnumerable<IReadOnlyList<SmCertificate>> From(SmCertificate end) => Extend([end]);

    /// <summary>True when <paramref name="issuer"/> made the signature; counted, and remembered.</summary>
    public bool IsSigned(SmCertificate certificate, SmCertificate issuer)
    {
        if (_verified.TryGetValue((certificate, issuer), out bool known))
        {
            return known;
        }
        if (_signaturesLeft-- <= 0)
        {
            IsExhausted = true;
            return false;
        }
        return _verified[(certificate, issuer)] = certificate.IsSignedBy(issuer);
    }

    private IEnumerable<IReadOnlyList<SmCertificate>> Extend(List<SmCertificate> path)
    {
        SmCertificate last = path[^1];
        if (trust.IsAnchor(last))
        {
            yield return path.ToArray();
            yield break;
        }
        bool hasCandidate = false, isExtended = false;
        foreach (SmCertificate issuer in path.Count > options.MaxAuthorities ? [] : Candidates(last))
        {
            // The same authority twice leads nowhere new.
            if (path.Any(c => c.Subject.Equals(issuer.Subject) && c.SubjectPublicKeyInfo.Span.SequenceEqual(issuer.SubjectPublicKeyInfo.Span)))
            {
                continue;
            }
            hasCandidate = true;
            if (!IsSigned(last, issuer))
            {
                continue;
            }
            isExtended = true;
            path.Add(issuer);
            foreach (IReadOnlyList<SmCertificate> found in Extend(path))
            {
                yield return found;
            }
            path.RemoveAt(path.Count - 1);
        }
        if (!isExtended && path.Count > _stuckDepth)
        {
            (_stuckDepth, StuckAt, IsStuckBySignature) = (path.Count, last, hasCandidate);
        }
    }

    private IEnumerable<SmCertificate> Candidates(SmCertificate certificate)
    {
        IEnumerable<SmCertificate> named = trust.Anchors(certificate.Issuer)
            .Concat(trust.Intermediates(certificate.Issuer))
            .Concat(presented.Where(c => c.Subject.Equals(certificate.Issuer)))
            .Distinct();
        // Key ids are hints: they choose whom to try first, the signature decides.
        return certificate.AuthorityKeyIdentifier is { } id ? named.OrderBy(c => c.SubjectKeyIdentifier is { } own && own.Span.SequenceEqual(id.Span) ? 0 : 1) : named;
    }
}
