using Qanat.Tls.Messages;

namespace Qanat.Tls;

/// <summary>What a client wants to speak, by the first bytes that it sends.</summary>
public enum SmConnectionKind
{
    /// <summary>TLCP.</summary>
    Tlcp,

    /// <summary>TLS 1.3 with an SM suite, and no other suite that an ordinary server could choose.</summary>
    Tls13Sm,

    /// <summary>TLS 1.3 with SM suites and ordinary ones, both with key exchanges: the server chooses.</summary>
    Tls13Either,

    /// <summary>Ordinary TLS.</summary>
    OrdinaryTls,

    /// <summary>Nothing of these.</summary>
    NotTls,
}

internal static class SmConnectionKinds
{
    private const ushort FirstTls13Suite = 0x1301;
    private const ushort LastTls13Suite = 0x1305;

    /// <summary>What a hello offers. Suites count, and for TLS 1.3-SM also whether the client can do what RFC 8998 section 3.1 wants: an SM group.</summary>
    public static SmConnectionKind Of(ClientHello hello)
    {
        if (hello.OffersTlcp)
        {
            return SmConnectionKind.Tlcp;
        }
        if (!hello.OffersTls13 || !hello.OffersSmSuite(SmProtocol.Tls13) || !OffersSmGroup(hello))
        {
            return SmConnectionKind.OrdinaryTls;
        }
        return OffersOrdinary(hello) ? SmConnectionKind.Tls13Either : SmConnectionKind.Tls13Sm;
    }

    // A hello without supported_groups can still resume a session.
    private static bool OffersSmGroup(ClientHello hello) => hello.SupportedGroups.Count == 0
        || hello.SupportedGroups.Contains((ushort)NamedGroup.CurveSm2)
        || hello.SupportedGroups.Contains((ushort)NamedGroup.CurveSm2MlKem768);

    private static bool OffersOrdinary(ClientHello hello)
    {
        bool hasSuite = false, hasGroup = false;
        for (int i = 0; i < hello.CipherSuites.Count; i++)
        {
            hasSuite |= hello.CipherSuites[i] is >= FirstTls13Suite and <= LastTls13Suite;
        }
        for (int i = 0; i < hello.SupportedGroups.Count; i++)
        {
            hasGroup |= (NamedGroup)hello.SupportedGroups[i] is not (NamedGroup.CurveSm2 or NamedGroup.CurveSm2MlKem768);
        }
        return hasSuite && hasGroup;
    }
}
