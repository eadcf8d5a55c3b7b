namespace Qanat.Tls.Messages;

/// <summary>Extension types that this library reads or writes (IANA TLS ExtensionType Values).</summary>
public enum ExtensionType : ushort
{
    /// <summary>server_name (RFC 6066).</summary>
    ServerName = 0,
    /// <summary>status_request (RFC 6066).</summary>
    StatusRequest = 5,
    /// <summary>supported_groups (RFC 8446 section 4.2.7).</summary>
    SupportedGroups = 10,
    /// <summary>signature_algorithms (RFC 8446 section 4.2.3).</summary>
    SignatureAlgorithms = 13,
    /// <summary>application_layer_protocol_negotiation (RFC 7301).</summary>
    ApplicationLayerProtocolNegotiation = 16,
    /// <summary>padding (RFC 7685); met, never written.</summary>
    Padding = 21,
    /// <summary>encrypt_then_mac (RFC 7366); met, never answered.</summary>
    EncryptThenMac = 22,
    /// <summary>extended_master_secret (RFC 7627); met, never answered.</summary>
    ExtendedMasterSecret = 23,
    /// <summary>session_ticket (RFC 5077).</summary>
    SessionTicket = 35,
    /// <summary>pre_shared_key (RFC 8446 section 4.2.11).</summary>
    PreSharedKey = 41,
    /// <summary>early_data (RFC 8446 section 4.2.10).</summary>
    EarlyData = 42,
    /// <summary>supported_versions (RFC 8446 section 4.2.1).</summary>
    SupportedVersions = 43,
    /// <summary>cookie (RFC 8446 section 4.2.2).</summary>
    Cookie = 44,
    /// <summary>psk_key_exchange_modes (RFC 8446 section 4.2.9).</summary>
    PskKeyExchangeModes = 45,
    /// <summary>certificate_authorities (RFC 8446 section 4.2.4).</summary>
    CertificateAuthorities = 47,
    /// <summary>post_handshake_auth (RFC 8446 section 4.2.6).</summary>
    PostHandshakeAuth = 49,
    /// <summary>signature_algorithms_cert (RFC 8446 section 4.2.3).</summary>
    SignatureAlgorithmsCert = 50,
    /// <summary>key_share (RFC 8446 section 4.2.8).</summary>
    KeyShare = 51,
    /// <summary>renegotiation_info (RFC 5746).</summary>
    RenegotiationInfo = 0xFF01,
}
