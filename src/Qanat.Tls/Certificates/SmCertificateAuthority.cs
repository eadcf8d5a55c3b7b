using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Certificates;

/// <summary>Issues SM2 certificates and revocation lists (RFC 5280). Thread-safe as far as the key is.</summary>
public sealed class SmCertificateAuthority
{
    private const int SerialBytes = 16;
    private const int KeyIdentifierBytes = 20;
    private readonly Sm2 _key;

    /// <summary>An authority from its certificate and key.</summary>
    /// <param name="certificate">A certificate with the CA bit.</param>
    /// <param name="key">Its private key; not owned, must outlive the authority.</param>
    /// <exception cref="ArgumentException">The key is another one, or the certificate may not sign certificates.</exception>
    public SmCertificateAuthority(SmCertificate certificate, Sm2 key)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentNullException.ThrowIfNull(key);
        if (!certificate.IsCertificateAuthority || certificate.KeyUsage is { } usage && !usage.HasFlag(SmKeyUsage.KeyCertSign))
        {
            throw new ArgumentException($"{certificate} may not sign certificates (basicConstraints cA, keyUsage keyCertSign)", nameof(certificate));
        }
        if (!Sm2Keys.WriteSubjectPublicKeyInfo(key).AsSpan().SequenceEqual(certificate.SubjectPublicKeyInfo.Span))
        {
            throw new ArgumentException($"the key is not that of {certificate}", nameof(key));
        }
        (Certificate, _key) = (certificate, key);
    }

    /// <summary>The authority's own certificate.</summary>
    public SmCertificate Certificate { get; }

    /// <summary>Makes a root: a self-signed authority.</summary>
    /// <param name="subject">Its name.</param>
    /// <param name="key">Its key; not owned.</param>
    /// <param name="profile">An authority's profile; see <see cref="SmCertificateProfile.Authority"/>.</param>
    public static SmCertificateAuthority CreateRoot(SmName subject, Sm2 key, SmCertificateProfile profile)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(key);
        byte[] info = Sm2Keys.WriteSubjectPublicKeyInfo(key);
        return new SmCertificateAuthority(Create(profile, subject, info, subject, key, KeyIdentifier(info)), key);
    }

    /// <summary>Issues a certificate.</summary>
    /// <param name="subject">Whose key it is.</param>
    /// <param name="publicKey">The key; only its public part is used.</param>
    /// <param name="profile">Usages, names and times.</param>
    /// <exception cref="ArgumentException">The profile contradicts itself, or outlives this authority.</exception>
    public SmCertificate Issue(SmName subject, Sm2 publicKey, SmCertificateProfile profile)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(publicKey);
        ArgumentNullException.ThrowIfNull(profile);
        // Whole seconds are written.
        if (profile.NotAfter.ToUnixTimeSeconds() > Certificate.NotAfter.ToUnixTimeSeconds())
        {
            throw new ArgumentException($"NotAfter {profile.NotAfter:u} is after that of the issuer, {Certificate.NotAfter:u}; choose fewer days or renew the authority", nameof(profile));
        }
        if (profile.IsCertificateAuthority && Certificate.PathLength is { } limit && !(profile.PathLength < limit))
        {
            throw new ArgumentException($"PathLength must be stated and below that of the issuer, {limit}", nameof(profile));
        }
        ReadOnlySpan<byte> issuerId = Certificate.SubjectKeyIdentifier is { } stated ? stated.Span : default;
        return Create(profile, subject, Sm2Keys.WriteSubjectPublicKeyInfo(publicKey), Certificate.Subject, _key, issuerId);
    }

    /// <summary>Issues a certificate to who made a request; names and usages are those of the profile, never those of the request.</summary>
    public SmCertificate Issue(SmCertificateRequest request, SmCertificateProfile profile)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Issue(request.Subject, request.PublicKey, profile);
    }

    /// <summary>Issues a revocation list (version 2).</summary>
    /// <param name="revoked">Serial numbers with the moment of revocation.</param>
    /// <param name="number">CRL number, larger than that of any list before.</param>
    /// <param name="thisUpdate">Moment of issue.</param>
    /// <param name="nextUpdate">When the next list is out at the latest.</param>
    /// <exception cref="InvalidOperationException">The certificate does not allow it (keyUsage cRLSign).</exception>
    public SmCertificateRevocationList IssueRevocationList(
        IReadOnlyCollection<KeyValuePair<ReadOnlyMemory<byte>, DateTimeOffset>> revoked, BigInteger number, DateTimeOffset thisUpdate, DateTimeOffset nextUpdate)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(nextUpdate, thisUpdate);
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        if (Certificate.KeyUsage is { } usage && !usage.HasFlag(SmKeyUsage.CrlSign))
        {
            throw new InvalidOperationException($"{Certificate} may not sign revocation lists (keyUsage cRLSign)");
        }
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(1);
            SmDer.WriteSignatureAlgorithm(writer);
            writer.WriteEncodedValue(Certificate.Subject.RawData.Span);
            SmDer.WriteTime(writer, thisUpdate);
            SmDer.WriteTime(writer, nextUpdate);
            if (revoked.Count > 0)
            {
                using (writer.PushSequence())
                {
                    foreach ((ReadOnlyMemory<byte> serial, DateTimeOffset at) in revoked)
                    {
                        using (writer.PushSequence())
                        {
                            writer.WriteInteger(serial.Span);
                            SmDer.WriteTime(writer, at);
                        }
                    }
                }
            }
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            using (writer.PushSequence())
            {
                if (Certificate.SubjectKeyIdentifier is { } id)
                {
                    SmExtensions.Write(writer, SmExtensions.AuthorityKeyIdentifier, isCritical: false, w => SmExtensions.WriteAuthorityKeyIdentifier(w, id.Span));
                }
                SmExtensions.Write(writer, SmExtensions.CrlNumber, isCritical: false, w => w.WriteInteger(number));
            }
        }
        return SmCertificateRevocationList.Parse(SmDer.Sign(writer.Encode(), _key));
    }

    private static SmCertificate Create(SmCertificateProfile profile, SmName subject, byte[] publicKeyInfo, SmName issuer, Sm2 issuerKey, ReadOnlySpan<byte> issuerKeyId)
    {
        Check(profile);
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                writer.WriteInteger(2);
            }
            writer.WriteInteger(NewSerialNumber());
            SmDer.WriteSignatureAlgorithm(writer);
            writer.WriteEncodedValue(issuer.RawData.Span);
            using (writer.PushSequence())
            {
                SmDer.WriteTime(writer, profile.NotBefore);
                SmDer.WriteTime(writer, profile.NotAfter);
            }
            writer.WriteEncodedValue(subject.RawData.Span);
            writer.WriteEncodedValue(publicKeyInfo);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
            using (writer.PushSequence())
            {
                WriteExtensions(writer, profile, subject, KeyIdentifier(publicKeyInfo), issuerKeyId.ToArray());
            }
        }
        return SmCertificate.Parse(SmDer.Sign(writer.Encode(), issuerKey));
    }

    private static void Check(SmCertificateProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        if (profile.NotAfter <= profile.NotBefore)
        {
            throw new ArgumentException("NotAfter is not after NotBefore", nameof(profile));
        }
        if (profile.KeyUsage == SmKeyUsage.None)
        {
            throw new ArgumentException("KeyUsage is None, so the certificate could not be used at all", nameof(profile));
        }
        if (profile.IsCertificateAuthority != profile.KeyUsage.HasFlag(SmKeyUsage.KeyCertSign) || profile.PathLength is < 0 || (profile.PathLength is not null && !profile.IsCertificateAuthority))
        {
            throw new ArgumentException("IsCertificateAuthority, KeyUsage.KeyCertSign and PathLength belong together", nameof(profile));
        }
    }

    private static void WriteExtensions(AsnWriter writer, SmCertificateProfile profile, SmName subject, byte[] keyId, byte[] issuerKeyId)
    {
        if (profile.IsCertificateAuthority)
        {
            SmExtensions.Write(writer, SmExtensions.BasicConstraints, isCritical: true, w =>
            {
                using (w.PushSequence())
                {
                    w.WriteBoolean(true);
                    if (profile.PathLength is { } length)
                    {
                        w.WriteInteger(length);
                    }
                }
            });
        }
        SmExtensions.Write(writer, SmExtensions.KeyUsage, isCritical: true, w => w.WriteNamedBitList(profile.KeyUsage));
        if (profile.ExtendedKeyUsage.Count > 0)
        {
            SmExtensions.Write(writer, SmExtensions.ExtendedKeyUsage, isCritical: false, w =>
            {
                using (w.PushSequence())
                {
                    foreach (string usage in profile.ExtendedKeyUsage)
                    {
                        w.WriteObjectIdentifier(usage);
                    }
                }
            });
        }
        if (profile.DnsNames.Count + profile.IPAddresses.Count > 0)
        {
            SmExtensions.Write(writer, SmExtensions.SubjectAltName, isCritical: subject.IsEmpty, w => SmExtensions.WriteSubjectAltName(w, profile.DnsNames, profile.IPAddresses));
        }
        SmExtensions.Write(writer, SmExtensions.SubjectKeyIdentifier, isCritical: false, w => w.WriteOctetString(keyId));
        if (issuerKeyId.Length > 0)
        {
            SmExtensions.Write(writer, SmExtensions.AuthorityKeyIdentifier, isCritical: false, w => SmExtensions.WriteAuthorityKeyIdentifier(w, issuerKeyId));
        }
    }

    // RFC 7093 method 1 with SM3 in the place of SHA-256: the left-most 160 bits.
    private static byte[] KeyIdentifier(ReadOnlySpan<byte> subjectPublicKeyInfo) => Sm3.HashData(subjectPublicKeyInfo)[..KeyIdentifierBytes];

    private static byte[] NewSerialNumber()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // positive, and never shorter
        return serial;
    }
}
