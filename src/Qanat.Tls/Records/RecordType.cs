namespace Qanat.Tls.Records;

/// <summary>Content type of a record (RFC 8446 section 5.1, GB/T 38636 section 6.3.3).</summary>
public enum RecordType : byte
{
    /// <summary>Not a type; inner padding of TLS 1.3 is made of it.</summary>
    Invalid = 0,
    /// <summary>ChangeCipherSpec; in TLS 1.3 only for middleboxes.</summary>
    ChangeCipherSpec = 20,
    /// <summary>Alert.</summary>
    Alert = 21,
    /// <summary>Handshake.</summary>
    Handshake = 22,
    /// <summary>Application data, and every protected record of TLS 1.3.</summary>
    ApplicationData = 23,
    /// <summary>Site-to-site protocol of TLCP; not spoken here.</summary>
    Site2Site = 80,
}
