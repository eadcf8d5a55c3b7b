using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Certificates;

/// <summary>A PKCS#10 certificate request of an SM2 key (RFC 2986), signed by that key under the default user id. Immutable.</summary>
public sealed class SmCertificateRequest
{
    private const int MaxBytes = 64 * 1024;
    private const string ExtensionRequest = "1.2.840.113549.1.9.14";

    private SmCertificateRequest(byte[] der)
    {
        RawData = der;
        (Subject, PublicKey) = SmDer.Read("CertificationRequest", der, Read);
    }

    /// <summary>The request in DER.</summary>
    public ReadOnlyMemory<byte> RawData { get; }

    /// <summary>Who asks.</summary>
    public SmName Subject { get; }

    /// <summary>The key; possession of its private part is proven by the signature.</summary>
    public Sm2 PublicKey { get; }

    /// <summary>DNS names asked for.</summary>
    public IReadOnlyList<string> DnsNames { get; private set; } = [];

    /// <summary>IP addresses asked for.</summary>
    public IReadOnlyList<IPAddress> IPAddresses { get; private set; } = [];

    /// <summary>Makes a request.</summary>
    /// <param name="subject">Who asks.</param>
    /// <param name="key">The key with its private part.</param>
    /// <param name="hosts">DNS names and IP addresses to ask for; may be none.</param>
    public static SmCertificateRequest Create(SmName subject, Sm2 key, params IReadOnlyList<string> hosts)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(key);
        // Only the names of the profile are used.
        SmCertificateProfile names = SmCertificateProfile.Sign(default, default).For(hosts);
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(0);
            writer.WriteEncodedValue(subject.RawData.Span);
            writer.WriteEncodedValue(Sm2Keys.WriteSubjectPublicKeyInfo(key));
            using (writer.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                if (names.DnsNames.Count + names.IPAddresses.Count > 0)
                {
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(ExtensionRequest);
                        using (writer.PushSetOf())
                        using (writer.PushSequence())
                        {
                            SmExtensions.Write(writer, SmExtensions.SubjectAltName, isCritical: false, w => SmExtensions.WriteSubjectAltName(w, names.DnsNames, names.IPAddresses));
                        }
                    }
                }
            }
        }
        return new SmCertificateRequest(SmDer.Sign(writer.Encode(), key));
    }

    /// <summary>Reads a request and verifies its signature; the bytes are copied.</summary>
    /// <exception cref="SmCertificateException">Not such a request, or the signature is not of its key.</exception>
    public static SmCertificateRequest Parse(ReadOnlySpan<byte> der) => der.Length <= MaxBytes
        ? new SmCertificateRequest(der.ToArray())
        : throw new SmCertificateException(SmCertificateError.TooLarge, $"a request of {der.Length} bytes; at most {MaxBytes} are read");

    /// <summary>Reads the first request of a PEM text.</summary>
    /// <exception cref="SmCertificateException">No request, or a bad one.</exception>
    public static SmCertificateRequest FromPem(ReadOnlySpan<char> pem) => Parse(SmPem.ReadOne(pem, SmPem.RequestLabel));

    /// <summary>The request as PEM.</summary>
    public string ToPem() => PemEncoding.WriteString(SmPem.RequestLabel, RawData.Span);

    private (SmName Subject, Sm2 PublicKey) Read(AsnReader reader)
    {
        AsnReader request = reader.ReadSequence();
        ReadOnlyMemory<byte> signedPart = request.PeekEncodedValue();
        AsnReader info = request.ReadSequence();
        if (!info.TryReadInt32(out int version) || version != 0)
        {
            throw new SmCertificateException(SmCertificateError.UnsupportedVersion, "the request's version is not 0");
        }
        SmName subject = SmName.Read(info);
        Sm2 key = SmDer.ReadPublicKey(info, out _);
        // OpenSSL writes no attributes when there are none, though RFC 2986 wants an empty set.
        if (info.HasData)
        {
            ReadAttributes(info.ReadSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)));
        }
        info.ThrowIfNotEmpty();
        ReadOnlyMemory<byte> signature = SmDer.ReadSignature(request, statedInside: null);
        request.ThrowIfNotEmpty();
        return SmDer.Verify(key, signedPart, signature)
            ? (subject, key)
            : throw new SmCertificateException(SmCertificateError.BadSignature,
                "the request's signature does not verify under its own key; sign it with SM3 and the user id 1234567812345678 (openssl: -sm3 -sigopt distid:1234567812345678)");
    }

    private void ReadAttributes(AsnReader attributes)
    {
        while (attributes.HasData)
        {
            AsnReader attribute = attributes.ReadSequence();
            bool isExtensions = attribute.ReadObjectIdentifier() == ExtensionRequest;
            AsnReader values = attribute.ReadSetOf();
            attribute.ThrowIfNotEmpty();
            if (!isExtensions)
            {
                continue;
            }
            AsnReader extensions = values.ReadSequence();
            values.ThrowIfNotEmpty();
            while (extensions.HasData)
            {
                (string oid, _, ReadOnlyMemory<byte> value) = SmExtensions.ReadOne(extensions);
                if (oid == SmExtensions.SubjectAltName)
                {
                    AsnReader content = new(value, AsnEncodingRules.DER);
                    (DnsNames, IPAddresses) = SmExtensions.ReadSubjectAltName(content);
                    content.ThrowIfNotEmpty();
                }
            }
        }
    }
}
