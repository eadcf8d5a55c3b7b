namespace Qanat.Tls.Messages;

/// <summary>Handshake message types (RFC 8446 section 4, GB/T 38636 section 6.4.5.1).</summary>
public enum HandshakeType : byte
{
    /// <summary>HelloRequest of old TLS; neither protocol has it.</summary>
    HelloRequest = 0,
    /// <summary>ClientHello.</summary>
    ClientHello = 1,
    /// <summary>ServerHello, and HelloRetryRequest.</summary>
    ServerHello = 2,
    /// <summary>NewSessionTicket.</summary>
    NewSessionTicket = 4,
    /// <summary>EndOfEarlyData (TLS 1.3).</summary>
    EndOfEarlyData = 5,
    /// <summary>EncryptedExtensions (TLS 1.3).</summary>
    EncryptedExtensions = 8,
    /// <summary>Certificate.</summary>
    Certificate = 11,
    /// <summary>ServerKeyExchange (TLCP).</summary>
    ServerKeyExchange = 12,
    /// <summary>CertificateRequest.</summary>
    CertificateRequest = 13,
    /// <summary>ServerHelloDone (TLCP).</summary>
    ServerHelloDone = 14,
    /// <summary>CertificateVerify.</summary>
    CertificateVerify = 15,
    /// <summary>ClientKeyExchange (TLCP).</summary>
    ClientKeyExchange = 16,
    /// <summary>Finished.</summary>
    Finished = 20,
    /// <summary>KeyUpdate (TLS 1.3).</summary>
    KeyUpdate = 24,
    /// <summary>The synthetic message_hash of TLS 1.3 (RFC 8446 section 4.4.1); never on the wire.</summary>
    MessageHash = 254,
}
