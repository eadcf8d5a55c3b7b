using System.Security.Cryptography;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Engine.Tls13;

internal abstract partial class Tls13Engine
{
    // The peer's certificates from the Certificate message on; they count only when its CertificateVerify is right.
    private SmChainResult? _shown;

    /// <summary>DER of the certificates that the peer showed; empty when it showed none.</summary>
    private protected byte[][] PeerCertificates { get; private set; } = [];

    /// <summary>What the peer's certificates must be good for.</summary>
    private protected abstract SmChainRequest PeerRequest { get; }

    /// <summary>Writes Certificate of this end; without a credential an empty one.</summary>
    private protected void WriteCertificate(SmSslCredential? credential)
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.Certificate))
        {
            CertificateList.WriteTls13(Flight, default, credential is null ? [] : [.. credential.Tls13Chain.Select(certificate => certificate.RawData.ToArray())]);
        }
        EndMessage(start);
    }

    /// <summary>Writes CertificateVerify of this end (RFC 8446 section 4.4.3, RFC 8998 section 3.2.1).</summary>
    private protected void WriteCertificateVerify(SmSslCredential credential)
    {
        byte[] signature = credential.SignKey.SignData(SignedContent(IsServer), Tls13Messages.Sm2Id, DSASignatureFormat.Rfc3279DerSequence);
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.CertificateVerify))
        {
            Tls13Messages.WriteCertificateVerify(Flight, SignatureScheme.Sm2SigSm3, signature);
        }
        EndMessage(start);
    }

    /// <summary>Takes the peer's Certificate; <see cref="PeerCertificates"/> is empty when it has none. Certificates that nothing can make right are refused here already.</summary>
    private protected SmTlsError TakeCertificate(HandshakeMessage message)
    {
        if (CertificateList.ReadTls13(message.Body, out ReadOnlySpan<byte> context, out CertificateList list) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a Certificate message that does not decode");
        }
        if (!context.IsEmpty)
        {
            return Refuse(SmTlsError.IllegalParameter, "a Certificate message with a context, which only authentication after the handshake has");
        }
        foreach (CertificateEntry entry in list)
        {
            if (!entry.Extensions.Bytes.IsEmpty)
            {
                return Refuse(SmTlsError.UnsupportedExtension, "a certificate with extensions that were not asked for");
            }
        }
        PeerCertificates = list.ToArray();
        Transcript.Append(message.Bytes);
        if (PeerCertificates.Length == 0)
        {
            return SmTlsError.None;
        }
        _shown = Validate(PeerCertificates);
        return _shown.SignCertificate is null || _options.RemoteCertificateValidationCallback is null ? Judge(_shown) : SmTlsError.None;
    }

    /// <summary>Takes the peer's CertificateVerify; then its certificates are its own, and the application has its say.</summary>
    private protected SmTlsError TakeCertificateVerify(HandshakeMessage message)
    {
        if (Tls13Messages.ReadCertificateVerify(message.Body, out SignatureScheme scheme, out ReadOnlySpan<byte> signature) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a CertificateVerify that does not decode");
        }
        if (scheme != SignatureScheme.Sm2SigSm3)
        {
            return Refuse(SmTlsError.IllegalParameter, $"the CertificateVerify is signed with scheme {(ushort)scheme:x4}; only sm2sig_sm3 was offered");
        }
        if (!_shown!.SignCertificate!.PublicKey.VerifyData(SignedContent(!IsServer), Tls13Messages.Sm2Id, signature, DSASignatureFormat.Rfc3279DerSequence))
        {
            return Refuse(SmTlsError.BadSignature, "the CertificateVerify does not verify under the key of the certificate");
        }
        Transcript.Append(message.Bytes);
        return _options.RemoteCertificateValidationCallback is null ? Accept(_shown) : Judge(_shown);
    }

    /// <summary>Validates certificates under the policy and at the time of now. Nothing is decided by that: <see cref="Judge"/> does.</summary>
    private protected SmChainResult Validate(byte[][] certificates) =>
        _options.CreateValidator().Validate([.. certificates.Select(der => (ReadOnlyMemory<byte>)der)], PeerRequest, Now);

    /// <summary>Takes certificates that the peer showed in the connection that is resumed. When they are refused, nothing of them stays: the next ticket must not have them in it.</summary>
    private protected SmTlsError TakeResumedChain(byte[][] certificates, SmChainResult validated)
    {
        SmTlsError error = Judge(validated);
        if (error == SmTlsError.None)
        {
            PeerCertificates = certificates;
        }
        return error;
    }

    // The application's word counts more than the validator's, both ways; but without a key there is nothing to believe.
    private SmTlsError Judge(SmChainResult result)
    {
        string reasons = result.IsValid ? "the application refused them" : result.ToString();
        bool isTaken = result.SignCertificate is not null && (_options.RemoteCertificateValidationCallback is { } callback ? callback(result) : result.IsValid);
        return isTaken
            ? Accept(result)
            : Refuse(result.IsValid ? SmTlsError.CertificateUnknown : result.Failures[0].Error.ToTlsError(), $"the certificates of the {(IsServer ? "client" : "server")} are not taken: {reasons}");
    }

    private SmTlsError Accept(SmChainResult result)
    {
        PeerChain = result;
        return SmTlsError.None;
    }

    private byte[] SignedContent(bool isServer)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Transcript.GetHash(hash);
        using TlsWriter content = new(256);
        Tls13Messages.WriteSigned(content, isServer, hash);
        return content.Written.ToArray();
    }
}
