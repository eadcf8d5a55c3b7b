using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>One try to connect.</summary>
/// <param name="Error">Why it failed; null when it did not.</param>
/// <param name="Dialect">TLCP only.</param>
internal sealed record Attempt(string? Error, SmTlcpDialect? Dialect);

/// <summary>What came of a cell.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Skipped">Why it was not run; null when it was.</param>
/// <param name="Attempts">All tries; the last one counts.</param>
/// <param name="Command">The peer's command line.</param>
/// <param name="PeerClose">How the peer ended: <c>close_notify</c> or without.</param>
/// <param name="PeerLog">What the peer said, when the cell failed.</param>
internal sealed record CellResult(Cell Cell, string? Skipped, IReadOnlyList<Attempt> Attempts, string Command, string PeerClose, string PeerLog)
{
    /// <summary>True when the last try did everything.</summary>
    public bool IsDone => Skipped is null && Attempts[^1].Error is null;

    /// <summary>The forms that are not the standard's, in words; "standard" when there are none.</summary>
    public string DialectText
    {
        get
        {
            if (Cell.Protocol != SmProtocol.Tlcp || Skipped is not null || Attempts[^1].Dialect is not { } dialect)
            {
                return "-";
            }
            List<string> forms = [];
            if (dialect.IsHelloMinimal && !Cell.IsOursServer)
            {
                forms.Add("minimal hello");
            }
            if (dialect.ClientKeyExchange == Tls.Messages.ClientKeyExchangeDialect.WithoutLength)
            {
                forms.Add("key exchange without length");
            }
            if (Cell.ClientShowsCertificates && dialect.CertificateVerify == TlcpCertificateVerifyDialect.RawTranscript)
            {
                forms.Add("raw transcript signed");
            }
            if (Cell.ClientShowsCertificates && dialect.ClientCertificates == TlcpClientCertificatesDialect.One)
            {
                forms.Add("one client certificate");
            }
            return forms.Count == 0 ? "standard" : string.Join(", ", forms);
        }
    }
}
