using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Identity;

/// <summary>
/// The key of a node or hub: ECDSA on P-256. Its mid is the hash of its public key, so nobody else can have it.
/// The same key signs link handshakes and is the key of the layer-2 certificate. Safe to use from any thread.
/// </summary>
public sealed class NodeIdentity : IDisposable
{
    /// <summary>Length of a signature (IEEE P1363: r and s, 32 bytes each).</summary>
    public const int SignatureLength = LinkSignature.Length;

    private const int MaxFileBytes = 64 * 1024;
    private readonly ECDsa _key;
    private readonly Lock _signing = new();
    private readonly byte[] _subjectPublicKeyInfo;

    private NodeIdentity(ECDsa key, X509Certificate2Collection organisation, TimeProvider time)
    {
        _key = key;
        _subjectPublicKeyInfo = key.ExportSubjectPublicKeyInfo();
        Mid = Mid.FromSubjectPublicKeyInfo(_subjectPublicKeyInfo);
        HasOrganisationCertificate = organisation.Count > 0;
        Certificate = HasOrganisationCertificate ? organisation[0].CopyWithPrivateKey(key) : SelfSign(key, Mid, time.GetUtcNow());
        for (int i = 1; i < organisation.Count; i++)
        {
            IntermediateCertificates.Add(organisation[i]);
        }
    }

    /// <summary>The mid of this key.</summary>
    public Mid Mid { get; }

    /// <summary>The public key as DER SubjectPublicKeyInfo.</summary>
    public ReadOnlyMemory<byte> SubjectPublicKeyInfo => _subjectPublicKeyInfo;

    /// <summary>
    /// Certificate with private key for layer-2 TLS: the organisation's when one was loaded, otherwise self-signed with the mid as its name.
    /// Owned by this identity.
    /// </summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The rest of the organisation's chain, without <see cref="Certificate"/>; empty when self-signed.</summary>
    public X509Certificate2Collection IntermediateCertificates { get; } = [];

    /// <summary>True when <see cref="Certificate"/> was issued by an organisation CA.</summary>
    public bool HasOrganisationCertificate { get; }

    /// <summary>Makes a new key.</summary>
    public static NodeIdentity Create(TimeProvider? time = null) => new(ECDsa.Create(ECCurve.NamedCurves.nistP256), [], time ?? TimeProvider.System);

    /// <summary>Reads a key from PKCS#8 PEM, with an optional certificate chain in PEM (own certificate first).</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>: not a P-256 private key, or the certificate is for another key.</exception>
    public static NodeIdentity FromPem(string keyPem, string? certificateChainPem = null, TimeProvider? time = null)
    {
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(keyPem);
            ECParameters parameters = key.ExportParameters(false);
            if (parameters.Curve.Oid.Value != ECCurve.NamedCurves.nistP256.Oid.Value || key.KeySize != 256)
            {
                throw Invalid("The key is not on curve P-256.");
            }
            key.SignHash(new byte[32]);
            X509Certificate2Collection chain = [];
            if (certificateChainPem is not null)
            {
                chain.ImportFromPem(certificateChainPem);
                if (chain.Count == 0)
                {
                    throw Invalid("The organisation certificate file holds no PEM certificate.");
                }
                if (!chain[0].PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                {
                    throw Invalid("The first organisation certificate is for another key; issue one for this identity's public key.");
                }
            }
            return new NodeIdentity(key, chain, time ?? TimeProvider.System);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw Invalid("Not an unencrypted PKCS#8 PEM private key on curve P-256.", e);
        }
        catch (TunnelException)
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>Reads a key file written by <see cref="Save"/>, with an optional organisation certificate chain file.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>, with what to do; also when others can read the key file.</exception>
    public static NodeIdentity Load(string keyPath, string? certificateChainPath = null, TimeProvider? time = null)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(keyPath))
        {
            const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
            if ((File.GetUnixFileMode(keyPath) & Others) != 0)
            {
                throw Invalid($"The key file '{keyPath}' can be read or changed by others; run chmod 600 on it.");
            }
        }
        string key = ReadText(keyPath, "key file");
        string? chain = certificateChainPath is null ? null : ReadText(certificateChainPath, "organisation certificate file");
        try
        {
            return FromPem(key, chain, time);
        }
        catch (TunnelException e) when (e.Error == TunnelError.InvalidIdentity)
        {
            throw Invalid($"'{keyPath}': {e.Message}", e);
        }
    }

    /// <summary>Writes the private key as PKCS#8 PEM to a new file that only its owner can read (mode 0600). Never overwrites.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidIdentity"/>: the file exists or cannot be written.</exception>
    public void Save(string path)
    {
        byte[] pkcs8 = _key.ExportPkcs8PrivateKey();
        char[] pem = PemEncoding.Write("PRIVATE KEY", pkcs8);
        byte[] file = new byte[pem.Length + 1];
        try
        {
            for (int i = 0; i < pem.Length; i++)
            {
                file[i] = (byte)pem[i];
            }
            file[^1] = (byte)'\n';
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }
            using FileStream stream = new(path, options);
            stream.Write(file);
            stream.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Invalid($"The key file '{path}' cannot be written: {e.Message}", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
            CryptographicOperations.ZeroMemory(file);
            Array.Clear(pem);
        }
    }

    /// <summary>Signs with ECDSA P-256/SHA-256; 64 bytes, IEEE P1363.</summary>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        lock (_signing)
        {
            return _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        foreach (X509Certificate2 certificate in IntermediateCertificates)
        {
            certificate.Dispose();
        }
        _key.Dispose();
    }

    private static X509Certificate2 SelfSign(ECDsa key, Mid mid, DateTimeOffset now)
    {
        CertificateRequest request = new($"CN={mid}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        // Both server and client authentication: a node is either end of layer 2.
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        return request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
    }

    private static string ReadText(string path, string what)
    {
        try
        {
            FileInfo file = new(path);
            return file.Length <= MaxFileBytes ? File.ReadAllText(path) : throw Invalid($"The {what} '{path}' is over {MaxFileBytes} bytes.");
        }
        catch (FileNotFoundException e)
        {
            throw Invalid($"The {what} '{path}' does not exist; make one with 'qanat init'.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not TunnelException))
        {
            throw Invalid($"The {what} '{path}' cannot be read: {e.Message}", e);
        }
    }

    private static TunnelException Invalid(string message, Exception? inner = null) => new(TunnelError.InvalidIdentity, message, inner);
}
