namespace Qanat.Tls.Certificates;

/// <summary>The rules for one certificate of a chain (RFC 5280 chapter 6, GM/T 0015, GB/T 38636 section 6.4.5.3). Collects failures and the time in which all holds.</summary>
internal sealed class SmChainChecks(SmChainRole role, SmChainOptions options, DateTimeOffset now)
{
    private const SmKeyUsage Encrypting = SmKeyUsage.KeyEncipherment | SmKeyUsage.DataEncipherment | SmKeyUsage.KeyAgreement;

    public List<SmChainFailure> Failures { get; } = [];

    public DateTimeOffset ValidFrom { get; private set; } = DateTimeOffset.MinValue;

    public DateTimeOffset ValidUntil { get; private set; } = DateTimeOffset.MaxValue;

    public void Add(SmChainError error, SmChainPosition position, SmCertificate? certificate, string what) =>
        Failures.Add(new SmChainFailure(error, position, certificate, $"{Name(position, certificate)} {what}"));

    /// <summary>What holds for an end certificate; <paramref name="isPinned"/> when it is itself an anchor.</summary>
    public void End(SmCertificate certificate, SmChainPosition position, bool isPinned)
    {
        Common(certificate, position);
        if (certificate.IsCertificateAuthority && !isPinned)
        {
            Add(SmChainError.EndCertificateIsAuthority, position, certificate, "is that of an authority; give the peer an end certificate (basicConstraints without cA)");
        }
    }

    /// <summary>An authority on the path.</summary>
    /// <param name="certificate">Its certificate.</param>
    /// <param name="below">How many authorities stand between it and the end certificate, self-issued ones not counted.</param>
    public void Authority(SmCertificate certificate, int below)
    {
        Common(certificate, SmChainPosition.Authority);
        if (!certificate.IsCertificateAuthority)
        {
            Add(SmChainError.NotAnAuthority, SmChainPosition.Authority, certificate, "is no authority (basicConstraints cA is missing) and still issued a certificate; have that issued by an authority");
        }
        if (certificate.KeyUsage is { } usage && !usage.HasFlag(SmKeyUsage.KeyCertSign))
        {
            Add(SmChainError.IssuerKeyUsage, SmChainPosition.Authority, certificate, $"may not sign certificates (keyUsage {usage}); reissue it with keyCertSign");
        }
        if (certificate.PathLength is { } limit && below > limit)
        {
            Add(SmChainError.PathLengthExceeded, SmChainPosition.Authority, certificate, $"allows {limit} authorities below it and {below} are there; leave one out or raise pathLenConstraint");
        }
        if (certificate.HasNameConstraints)
        {
            Add(SmChainError.NameConstraints, SmChainPosition.Authority, certificate, "has nameConstraints, which are not evaluated here; use an authority without");
        }
    }

    public void SignUsage(SmCertificate certificate, bool isPair)
    {
        if (certificate.KeyUsage is { } usage ? !usage.HasFlag(SmKeyUsage.DigitalSignature) : isPair)
        {
            Add(SmChainError.SignKeyUsage, SmChainPosition.Sign, certificate, $"may not sign (keyUsage {Show(certificate)}); reissue it with digitalSignature");
        }
    }

    // The owner's key escrow may know an encryption key (that is why there are two), so such a key must never be able to sign.
    public void EncryptUsage(SmCertificate certificate)
    {
        if (certificate.KeyUsage is not { } usage || (usage & Encrypting) == 0)
        {
            Add(SmChainError.EncryptKeyUsage, SmChainPosition.Encrypt, certificate, $"may not encrypt (keyUsage {Show(certificate)}); reissue it with keyEncipherment and keyAgreement");
        }
        else if (usage.HasFlag(SmKeyUsage.DigitalSignature))
        {
            Add(SmChainError.EncryptKeyUsage, SmChainPosition.Encrypt, certificate, "may also sign (keyUsage digitalSignature); reissue it without, since encryption keys may be in escrow");
        }
    }

    public static bool IsForEncryption(SmCertificate certificate) => certificate.KeyUsage is { } usage && (usage & Encrypting) != 0;

    public static bool IsForSigning(SmCertificate certificate) => certificate.KeyUsage is { } usage && usage.HasFlag(SmKeyUsage.DigitalSignature);

    /// <summary>The certificate against the revocation lists of its authority.</summary>
    public void Revocation(SmCertificate certificate, SmChainPosition position, SmCertificate authority, SmTrustStore trust)
    {
        if (options.Revocation == SmRevocationMode.Off)
        {
            return;
        }
        IReadOnlyList<SmCertificateRevocationList> named = trust.RevocationLists(authority.Subject);
        if (named.Count == 0 && options.Revocation == SmRevocationMode.WhenListed)
        {
            return;
        }
        SmCertificateRevocationList[] signed = [.. named.Where(list => trust.IsSigned(list, authority))];
        foreach (SmCertificateRevocationList list in signed)
        {
            if (list.TryGetRevocation(certificate.SerialNumber.Span, out DateTimeOffset at))
            {
                Add(SmChainError.Revoked, position, certificate, $"was revoked on {at:u} by {authority.Subject}; the peer needs a new one");
                return;
            }
        }
        SmCertificateRevocationList? fresh = signed.FirstOrDefault(list => now >= list.ThisUpdate - options.ClockSkew && now <= list.NextUpdate + options.ClockSkew);
        if (fresh is not null)
        {
            Narrow(fresh.ThisUpdate, fresh.NextUpdate);
            return;
        }
        string why = named.Count == 0 ? "there is no revocation list of" : signed.Length == 0 ? "no revocation list verifies under the key of" : $"the newest revocation list (until {signed.Max(l => l.NextUpdate):u}) is too old, of";
        Add(SmChainError.RevocationUnknown, position, certificate, $"cannot be checked: {why} {authority.Subject}; fetch a new list");
    }

    public void Narrow(DateTimeOffset from, DateTimeOffset until)
    {
        ValidFrom = from > ValidFrom ? from : ValidFrom;
        ValidUntil = until < ValidUntil ? until : ValidUntil;
    }

    private void Common(SmCertificate certificate, SmChainPosition position)
    {
        Narrow(certificate.NotBefore, certificate.NotAfter);
        if (now < certificate.NotBefore - options.ClockSkew)
        {
            Add(SmChainError.NotYetValid, position, certificate, $"is valid only from {certificate.NotBefore:u}, and it is {now:u}; compare the clocks of both machines");
        }
        if (now > certificate.NotAfter + options.ClockSkew)
        {
            Add(SmChainError.Expired, position, certificate, $"expired on {certificate.NotAfter:u}, and it is {now:u}; renew it");
        }
        if (certificate.UnknownCriticalExtensions.Count > 0)
        {
            Add(SmChainError.UnknownCriticalExtension, position, certificate, $"has the critical extension {string.Join(", ", certificate.UnknownCriticalExtensions.Take(5).Select(SmDer.Show))}, which is not understood here; reissue it without, or not critical");
        }
        string wanted = role == SmChainRole.Server ? SmCertificateProfile.ServerAuth : SmCertificateProfile.ClientAuth;
        if (certificate.ExtendedKeyUsage is { } usages && !usages.Contains(wanted) && !usages.Contains(SmCertificateProfile.AnyExtendedKeyUsage))
        {
            Add(SmChainError.ExtendedKeyUsage, position, certificate, $"is not for TLS {(role == SmChainRole.Server ? "servers (serverAuth" : "clients (clientAuth")} is not in extKeyUsage); reissue it for that");
        }
    }

    private static string Show(SmCertificate certificate) => certificate.KeyUsage is { } usage ? usage.ToString() : "is missing";

    private static string Name(SmChainPosition position, SmCertificate? certificate) => position switch
    {
        SmChainPosition.Sign => $"the signing certificate {certificate}",
        SmChainPosition.Encrypt => $"the encryption certificate {certificate}",
        SmChainPosition.Authority => $"the authority {certificate}",
        _ => "the certificate chain",
    };
}
