using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Replay;

/// <summary>The certificates and keys that a replay judges a recorded connection with. Dispose zeroes the keys.</summary>
public sealed class ReplayPki : IDisposable
{
    private readonly List<Sm2> _keys;

    /// <summary>Sets trust and keys.</summary>
    /// <param name="certificates">Self-issued ones are trusted as anchors; other authorities help to find paths.</param>
    /// <param name="keys">Private keys of either side, as far as known; owned by this object.</param>
    public ReplayPki(IReadOnlyCollection<SmCertificate> certificates, IEnumerable<Sm2> keys)
    {
        Validator = new SmChainValidator(
            new SmTrustStore(certificates.Where(c => c.IsSelfIssued), certificates.Where(c => c is { IsSelfIssued: false, IsCertificateAuthority: true })));
        _keys = [.. keys];
    }

    /// <summary>Judges chains.</summary>
    public SmChainValidator Validator { get; }

    /// <summary>Reads PEM texts: every certificate and every unencrypted private key in them; a text without either, or with an encrypted key, is passed over.</summary>
    /// <param name="files">Name and content.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.InvalidOptions"/>: a certificate or key is broken; the message names the file.</exception>
    public static ReplayPki FromPem(IEnumerable<(string Name, string Content)> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        List<SmCertificate> certificates = [];
        List<Sm2> keys = [];
        foreach ((string name, string content) in files)
        {
            try
            {
                if (content.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
                {
                    certificates.AddRange(SmCertificate.ListFromPem(content));
                }
                if (content.Contains("PRIVATE KEY-----", StringComparison.Ordinal) && !Sm2Keys.IsEncryptedPem(content))
                {
                    keys.Add(Sm2Keys.ReadPem(content));
                }
            }
            catch (Exception e) when (e is SmCertificateException or Sm2KeyException)
            {
                throw new SmTlsException(SmTlsError.InvalidOptions, $"{name}: {e.Message}", e);
            }
        }
        return new ReplayPki(certificates, keys);
    }

    /// <summary>Finds the private key of a certificate, or null.</summary>
    public Sm2? FindKey(SmCertificate? certificate) =>
        certificate is null ? null : _keys.Find(key => key.HasPrivateKey && key.PublicKey.SequenceEqual(certificate.PublicKey.PublicKey));

    /// <summary>Zeroes the keys.</summary>
    public void Dispose() => _keys.ForEach(key => key.Dispose());
}
