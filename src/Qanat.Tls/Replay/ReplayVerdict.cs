namespace Qanat.Tls.Replay;

/// <summary>Puts a replay's findings into one result and, when peers failed, names the cause.</summary>
internal static class ReplayVerdict
{
    public static ReplayResult Of(ReplayConnection connection, int records, ReplayException? end)
    {
        (ReplayCause cause, SmTlsError error, string message) = Judge(connection, end);
        return new ReplayResult
        {
            Protocol = connection.Protocol,
            Suite = connection.Suite,
            Records = records,
            FinishedOk = connection.Client.HasFinished && connection.Server.HasFinished,
            SignaturesOk = connection.SignaturesOk,
            ClientAuthenticated = connection.ClientAuthenticated,
            Dialect = connection.Dialect,
            Cause = cause,
            Error = error,
            Alert = connection.FatalAlert?.Alert,
            IsAlertFromServer = connection.FatalAlert?.IsServer ?? false,
            Message = message,
            ClientData = connection.Client.ApplicationData,
            ServerData = connection.Server.ApplicationData,
        };
    }

    private static (ReplayCause Cause, SmTlsError Error, string Message) Judge(ReplayConnection connection, ReplayException? end)
    {
        if (connection.Problem.Cause != ReplayCause.None)
        {
            return (connection.Problem.Cause, connection.Problem.Error, connection.Problems);
        }
        if (connection.FatalAlert is { } fatal)
        {
            (ReplayCause cause, string why) = fatal.IsServer ? OfServerAlert(connection, fatal.Alert.Description) : OfClientAlert(connection, fatal.Alert.Description);
            return (cause, SmTlsError.PeerAlert, $"the {(fatal.IsServer ? "server" : "client")} sent {fatal.Alert.Name}: {why}");
        }
        if (end is not null)
        {
            return (end.Cause, end.Error, end.Message);
        }
        if (!connection.Client.HasFinished || !connection.Server.HasFinished)
        {
            return (ReplayCause.Incomplete, SmTlsError.Truncated, "the recording ends before both Finished");
        }
        foreach (ReplayDirection side in (ReplayDirection[])[connection.Client, connection.Server])
        {
            if (!side.IsClosed)
            {
                string tickets = !side.IsServer && connection.TicketLength > 0 ? $", after tickets of {connection.TicketLength} bytes that some clients cannot take" : "";
                return (ReplayCause.Truncated, SmTlsError.Truncated, $"the {side.Name} ended without close_notify{tickets}");
            }
        }
        return (ReplayCause.None, SmTlsError.None, "");
    }

    private static (ReplayCause Cause, string Why) OfServerAlert(ReplayConnection connection, AlertDescription alert)
    {
        ReplayDialect dialect = connection.Dialect;
        string extensions = string.Join(", ", dialect.ClientHelloExtensions);
        switch (alert)
        {
            case AlertDescription.HandshakeFailure when connection.Suite == SmCipherSuite.None:
                return connection.Protocol == SmProtocol.Tlcp && dialect.ClientHelloExtensions.Any(e => e is "supported_groups" or "signature_algorithms")
                    ? (ReplayCause.HelloExtensionRefused, $"it refuses the ClientHello; some TLCP servers take no extensions ({extensions}); another cause can be that it has none of the suites")
                    : (ReplayCause.NoCommonSuite, "it refuses the ClientHello: it has none of the suites offered");
            case AlertDescription.DecodeError when dialect.ClientKeyExchange == "without-length":
                return (ReplayCause.KeyExchangeWithoutLength, "it wants the ECDHE ClientKeyExchange with a length in front (71 bytes, GB/T 38636 section 6.4.5.8); the client wrote 69 bytes");
            case AlertDescription.DecodeError when dialect.ClientKeyExchange == "with-length":
                return (ReplayCause.KeyExchangeWithLength, "it wants the ECDHE ClientKeyExchange without a length in front (69 bytes); the client wrote 71 bytes");
            case AlertDescription.DecryptError when dialect.CertificateVerify == "raw-transcript":
                return (ReplayCause.RawTranscriptVerify, "it wants CertificateVerify over the hash of the transcript; the client signed the raw transcript");
            case AlertDescription.BadCertificate or AlertDescription.UnsupportedCertificate or AlertDescription.CertificateUnknown or AlertDescription.DecodeError
                or AlertDescription.HandshakeFailure when connection.Protocol == SmProtocol.Tlcp && dialect.ClientCertificates == "single":
                return (ReplayCause.SingleClientCertificate, "it wants the client's signing and encryption certificates; the client sent a single chain");
            case AlertDescription.CertificateRequired:
            case AlertDescription.HandshakeFailure or AlertDescription.BadCertificate when dialect.ClientCertificates == "none":
                return (ReplayCause.CertificateRequired, "it requires a client certificate; the client sent an empty list");
            case AlertDescription.UnknownCa:
                return (ReplayCause.UnknownCa, "it does not trust the client's authority");
            default:
                return MissingRequest(connection) ?? (ReplayCause.PeerAlert, "the recording does not tell more");
        }
    }

    private static (ReplayCause Cause, string Why) OfClientAlert(ReplayConnection connection, AlertDescription alert)
    {
        if (connection.IsServerSilent)
        {
            string extensions = string.Join(", ", connection.Dialect.ClientHelloExtensions);
            return (ReplayCause.HelloExtensionRefused, $"the server closed without a byte; some TLCP servers take no extensions ({extensions})");
        }
        return alert == AlertDescription.UnknownCa
            ? (ReplayCause.UnknownCa, "it does not trust the server's authority")
            : MissingRequest(connection) ?? (ReplayCause.PeerAlert, "the recording does not tell more");
    }

    private static (ReplayCause Cause, string Why)? MissingRequest(ReplayConnection connection) =>
        connection.Suite.IsEcdhe() && !connection.HasCertificateRequest && connection.Dialect.Resumption is null
            ? (ReplayCause.EcdheWithoutClientCertificate, "an ECDHE suite without CertificateRequest; ECDHE needs the client's encryption certificate")
            : null;
}
