namespace Qanat.Tls.Certificates;

/// <summary>
/// Decides whether a peer's SM2 certificates are good (RFC 5280 chapter 6; the pair of TLCP: GB/T 38636 section 6.4.5.3), and says everything that is wrong with them.
/// Bounded in bytes, certificates, depth and signatures. Immutable; may be used by many threads.
/// </summary>
public sealed class SmChainValidator
{
    private readonly SmTrustStore _trust;
    private readonly SmChainOptions _options;
    private readonly SmVerifiedChainCache? _cache;

    /// <summary>Makes a validator.</summary>
    /// <param name="trust">Anchors, intermediates, revocation lists.</param>
    /// <param name="options">Bounds and policy; null: the defaults.</param>
    /// <param name="cache">Where good chains are remembered; may be shared. Null: every chain is verified anew.</param>
    public SmChainValidator(SmTrustStore trust, SmChainOptions? options = null, SmVerifiedChainCache? cache = null)
    {
        ArgumentNullException.ThrowIfNull(trust);
        (_trust, _options, _cache) = (trust, options ?? new SmChainOptions(), cache);
    }

    /// <summary>Validates certificates as a Certificate message has them.</summary>
    /// <param name="certificates">DER, the end certificates first. The bytes must not change while this runs.</param>
    /// <param name="request">What the chain must be good for.</param>
    /// <param name="now">The time.</param>
    public SmChainResult Validate(IReadOnlyList<ReadOnlyMemory<byte>> certificates, SmChainRequest request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        if (TooLarge(certificates.Count, certificates.Sum(c => (long)c.Length)) is { } failure)
        {
            return Refused([], failure);
        }
        SmVerifiedChainCache.Key key = _cache is null ? default : SmVerifiedChainCache.Key.Of(_trust, _options, request, certificates);
        if (_cache is not null && _cache.TryGet(key, now, out SmChainResult known))
        {
            return CheckHost(known.FromCache(), request);
        }
        List<SmCertificate> parsed = [];
        foreach (ReadOnlyMemory<byte> der in certificates)
        {
            try
            {
                parsed.Add(SmCertificate.Parse(der.Span));
            }
            catch (SmCertificateException e)
            {
                return Refused(parsed, new SmChainFailure(SmChainError.MalformedCertificate, SmChainPosition.Chain, null, $"certificate {parsed.Count + 1} of the chain: {e.Message}"));
            }
        }
        SmChainResult result = ValidatePath(parsed, request, now);
        if (result.IsValid)
        {
            _cache?.Add(key, result);
        }
        return CheckHost(result, request);
    }

    /// <summary>Validates certificates that were read before.</summary>
    /// <param name="certificates">The end certificates first.</param>
    /// <param name="request">What the chain must be good for.</param>
    /// <param name="now">The time.</param>
    public SmChainResult Validate(IReadOnlyList<SmCertificate> certificates, SmChainRequest request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        return TooLarge(certificates.Count, certificates.Sum(c => (long)c.RawData.Length)) is { } failure
            ? Refused(certificates, failure)
            : CheckHost(ValidatePath(certificates, request, now), request);
    }

    private SmChainFailure? TooLarge(int count, long bytes) => count > _options.MaxCertificates || bytes > _options.MaxChainBytes
        ? new SmChainFailure(SmChainError.ChainTooLarge, SmChainPosition.Chain, null,
            $"the certificate chain has {count} certificates and {bytes} bytes; at most {_options.MaxCertificates} and {_options.MaxChainBytes} are read")
        : null;

    private SmChainResult ValidatePath(IReadOnlyList<SmCertificate> presented, SmChainRequest request, DateTimeOffset now)
    {
        SmChainChecks checks = new(request.Role, _options, now);
        if (presented.Count == 0)
        {
            checks.Add(SmChainError.NoCertificate, SmChainPosition.Chain, null, "is empty; the peer must be given a certificate");
            return Done(checks, presented, null, null, []);
        }
        SmCertificate sign = presented[0];
        SmCertificate? encrypt = request.Form != SmChainForm.One && presented.Count > 1 && !presented[1].IsCertificateAuthority ? presented[1] : null;
        if (encrypt is null && request.Form == SmChainForm.Pair)
        {
            checks.Add(SmChainError.EncryptCertificateMissing, SmChainPosition.Chain, null,
                $"has no encryption certificate after the signing certificate {sign}; a TLCP peer needs both, the signing certificate first");
            return Done(checks, presented, sign, null, []);
        }
        if (encrypt is not null && !CheckPairForm(sign, encrypt, checks))
        {
            return Done(checks, presented, sign, encrypt, []);
        }
        SmPathSearch search = new(_trust, _options, presented);
        (SmChainChecks best, IReadOnlyList<SmCertificate> path) = BestPath(search, sign, encrypt, request.Role, now);
        return Done(best, presented, sign, encrypt, path);
    }

    // Mistakes that make everything after them meaningless.
    private static bool CheckPairForm(SmCertificate sign, SmCertificate encrypt, SmChainChecks checks)
    {
        if (sign.SubjectPublicKeyInfo.Span.SequenceEqual(encrypt.SubjectPublicKeyInfo.Span))
        {
            checks.Add(SmChainError.CertificatesIdentical, SmChainPosition.Encrypt, encrypt,
                sign.Equals(encrypt) ? "is the signing certificate again; the pair needs two keys" : "has the key of the signing certificate; the pair needs two keys");
            return false;
        }
        if (SmChainChecks.IsForEncryption(sign) && !SmChainChecks.IsForSigning(sign) && SmChainChecks.IsForSigning(encrypt))
        {
            checks.Add(SmChainError.CertificatesSwapped, SmChainPosition.Sign, sign, "is for encryption, and the second one is for signing; the peer must send the signing certificate first");
            return false;
        }
        return true;
    }

    /// <summary>The first path without failures, or the failures of the first path.</summary>
    private (SmChainChecks Checks, IReadOnlyList<SmCertificate> Path) BestPath(SmPathSearch search, SmCertificate sign, SmCertificate? encrypt, SmChainRole role, DateTimeOffset now)
    {
        (SmChainChecks Checks, IReadOnlyList<SmCertificate> Path)? first = null;
        foreach (IReadOnlyList<SmCertificate> path in search.From(sign))
        {
            SmChainChecks checks = new(role, _options, now);
            CheckPath(path, encrypt, search, checks);
            if (checks.Failures.Count == 0)
            {
                return (checks, path);
            }
            first ??= (checks, path);
        }
        if (first is { } found)
        {
            return found;
        }
        SmChainChecks none = new(role, _options, now);
        none.End(sign, SmChainPosition.Sign, isPinned: false);
        Unreachable(search, sign, none);
        return (none, []);
    }

    private void CheckPath(IReadOnlyList<SmCertificate> path, SmCertificate? encrypt, SmPathSearch search, SmChainChecks checks)
    {
        SmCertificate sign = path[0];
        checks.End(sign, SmChainPosition.Sign, isPinned: path.Count == 1);
        checks.SignUsage(sign, isPair: encrypt is not null);
        if (encrypt is not null)
        {
            CheckEncrypt(path, encrypt, search, checks);
        }
        int below = 0;
        for (int i = 1; i < path.Count; i++)
        {
            checks.Authority(path[i], below);
            checks.Revocation(path[i - 1], i == 1 ? SmChainPosition.Sign : SmChainPosition.Authority, path[i], _trust);
            if (!path[i].IsSelfIssued)
            {
                below++;
            }
        }
    }

    // The pair belongs together: one subject, one issuer, and the issuer's one key made both signatures.
    private void CheckEncrypt(IReadOnlyList<SmCertificate> path, SmCertificate encrypt, SmPathSearch search, SmChainChecks checks)
    {
        SmCertificate sign = path[0];
        bool isPinned = path.Count == 1;
        checks.End(encrypt, SmChainPosition.Encrypt, isPinned);
        checks.EncryptUsage(encrypt);
        if (!encrypt.Subject.Equals(sign.Subject))
        {
            checks.Add(SmChainError.SubjectMismatch, SmChainPosition.Encrypt, encrypt, $"is for another subject than the signing certificate ({sign.Subject}); issue both for one name");
        }
        if (!encrypt.Issuer.Equals(sign.Issuer))
        {
            checks.Add(SmChainError.IssuerMismatch, SmChainPosition.Encrypt, encrypt, $"is issued by {encrypt.Issuer}, the signing certificate by {sign.Issuer}; have both issued by one authority");
        }
        else if (isPinned)
        {
            if (!_trust.IsAnchor(encrypt))
            {
                checks.Add(SmChainError.UnknownIssuer, SmChainPosition.Encrypt, encrypt, "is not trusted, while the signing certificate is pinned; pin both or trust their authority");
            }
        }
        else if (!search.IsSigned(encrypt, path[1]))
        {
            checks.Add(SmChainError.IssuerMismatch, SmChainPosition.Encrypt, encrypt, $"names the issuer {path[1].Subject} but is not signed by the key that signed the signing certificate; have both issued by one authority");
        }
        else
        {
            checks.Revocation(encrypt, SmChainPosition.Encrypt, path[1], _trust);
        }
    }

    private static void Unreachable(SmPathSearch search, SmCertificate sign, SmChainChecks checks)
    {
        SmCertificate at = search.StuckAt ?? sign;
        SmChainPosition position = ReferenceEquals(at, sign) ? SmChainPosition.Sign : SmChainPosition.Authority;
        if (search.IsExhausted)
        {
            checks.Add(SmChainError.TooManyPaths, SmChainPosition.Chain, null, "has too many authorities of the same names; send only the certificates of one path");
        }
        else if (search.IsStuckBySignature)
        {
            checks.Add(SmChainError.BadSignature, position, at,
                $"is not signed by the key of {at.Issuer}; it was changed, or the authority has another key by now, or it was signed under another SM2 user id than 1234567812345678");
        }
        else
        {
            checks.Add(SmChainError.UnknownIssuer, position, at, at.IsSelfIssued
                ? "is self-signed and not trusted; add it to the trusted authorities if it is the right one"
                : $"is issued by {at.Issuer}, which is not trusted and was not sent; trust that authority, or let the peer send it");
        }
    }

    private static SmChainResult CheckHost(SmChainResult result, SmChainRequest request)
    {
        if (request.HostName is not { } host || result.SignCertificate is not { } sign)
        {
            return result;
        }
        List<SmChainFailure> failures = [];
        Check(sign, SmChainPosition.Sign, "signing");
        // An encryption certificate that names hosts must name this one; one that names none is held by its subject.
        if (result.EncryptCertificate is { } encrypt && encrypt.DnsNames.Count + encrypt.IPAddresses.Count > 0)
        {
            Check(encrypt, SmChainPosition.Encrypt, "encryption");
        }
        return failures.Count == 0 ? result : result.With(failures);

        void Check(SmCertificate certificate, SmChainPosition position, string kind)
        {
            if (!SmHostName.Matches(certificate, host))
            {
                string names = string.Join(", ", certificate.DnsNames.Concat(certificate.IPAddresses.Select(a => a.ToString())).Take(10));
                failures.Add(new SmChainFailure(SmChainError.HostName, position, certificate,
                    $"the {kind} certificate {certificate} is not for '{host}' but for {(names.Length > 0 ? names : "no host at all")}; connect by one of its names, or reissue it with subjectAltName {host}"));
            }
        }
    }

    private static SmChainResult Done(SmChainChecks checks, IReadOnlyList<SmCertificate> presented, SmCertificate? sign, SmCertificate? encrypt, IReadOnlyList<SmCertificate> path) =>
        new(presented, sign, encrypt, path, checks.Failures, checks.ValidFrom, checks.ValidUntil);

    private static SmChainResult Refused(IReadOnlyList<SmCertificate> presented, SmChainFailure failure) =>
        new(presented, null, null, [], [failure], DateTimeOffset.MinValue, DateTimeOffset.MaxValue);
}
