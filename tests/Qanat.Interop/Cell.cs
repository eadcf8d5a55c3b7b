using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>What a connection must show besides its suite.</summary>
internal enum CellKind
{
    /// <summary>A full handshake.</summary>
    Full,

    /// <summary>A second connection resumes the session of the first.</summary>
    Resumed,

    /// <summary>The client's first share is of a group that the server does not take, so a HelloRetryRequest comes.</summary>
    Retried,

    /// <summary>The group is curveSM2MLKEM768.</summary>
    Hybrid,
}

/// <summary>One connection of the matrix: who is the peer, which end is ours, and what is to be agreed on.</summary>
internal sealed record Cell(string Peer, SmProtocol Protocol, bool IsOursServer, SmCipherSuite Suite, bool IsMutual, CellKind Kind = CellKind.Full)
{
    /// <summary>The 72 cells: 48 of TLCP, 24 of RFC 8998.</summary>
    public static IEnumerable<Cell> Matrix { get; } =
    [
        .. from peer in (string[])["tongsuo", "gmssl", "gotlcp"]
           from isOursServer in (bool[])[false, true]
           from suite in (SmCipherSuite[])[SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3]
           from isMutual in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tlcp, isOursServer, suite, isMutual),
        .. from peer in (string[])["tongsuo", "gmssl", "bouncycastle"]
           from isOursServer in (bool[])[false, true]
           from suite in (SmCipherSuite[])[SmCipherSuite.TlsSm4GcmSm3, SmCipherSuite.TlsSm4CcmSm3]
           from isMutual in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tls13, isOursServer, suite, isMutual),
    ];

    /// <summary>What is tried besides: resumption, HelloRetryRequest and the hybrid group, where the peer's program has a switch for it.</summary>
    public static IEnumerable<Cell> Extras { get; } =
    [
        .. from peer in (string[])["tongsuo", "gotlcp"]
           from isOursServer in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tlcp, isOursServer, SmCipherSuite.EccSm4GcmSm3, false, CellKind.Resumed),
        .. from peer in (string[])["tongsuo", "gmssl"]
           from isOursServer in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tls13, isOursServer, SmCipherSuite.TlsSm4GcmSm3, false, CellKind.Resumed),
        .. from peer in (string[])["tongsuo", "gmssl", "bouncycastle"]
           from isOursServer in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tls13, isOursServer, SmCipherSuite.TlsSm4GcmSm3, false, CellKind.Retried),
        .. from peer in (string[])["tongsuo", "bouncycastle"]
           from isOursServer in (bool[])[false, true]
           select new Cell(peer, SmProtocol.Tls13, isOursServer, SmCipherSuite.TlsSm4GcmSm3, false, CellKind.Hybrid),
    ];

    /// <summary>In TLCP's ECDHE suites the client always shows its certificates; "one-way" is then that the server takes them without verifying them.</summary>
    public bool ClientShowsCertificates => IsMutual || Suite.IsEcdhe();

    /// <summary>For the table: <c>tlcp/tongsuo/we-are-client/ECC_SM4_GCM_SM3/mutual</c>.</summary>
    public string Name => $"{(Protocol == SmProtocol.Tlcp ? "tlcp" : "tls13")}/{Peer}/we-are-{(IsOursServer ? "server" : "client")}/{Suite.Name()}/{(IsMutual ? "mutual" : "one-way")}"
        + (Kind == CellKind.Full ? "" : "/" + Kind.ToString().ToLowerInvariant());
}
