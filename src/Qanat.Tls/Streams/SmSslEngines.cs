using Qanat.Tls.Engine;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Records;

namespace Qanat.Tls;

/// <summary>The engine for each connection.</summary>
internal static class SmSslEngines
{
    public static TlsEngine CreateClient(SmSslClientAuthenticationOptions options) => options.Protocol == SmProtocol.Tlcp
        ? new TlcpClientEngine(options)
        : new Tls13ClientEngine(options, TlsEngineSettings.From(options));

    /// <summary>The engine for what the client speaks. A client that is not served is told so and refused; an engine of TLS 1.3 also judges hellos of ordinary TLS.</summary>
    /// <exception cref="SmTlsException">The client speaks nothing that is served.</exception>
    public static async ValueTask<TlsEngine> CreateServerAsync(Stream inner, ClientHelloPeek peek, SmSslServerAuthenticationOptions options, CancellationToken cancellationToken)
    {
        if (peek.Kind == SmConnectionKind.NotTls)
        {
            throw new SmTlsException(SmTlsError.InvalidRecordType, $"The client does not speak TLCP or TLS: its bytes begin with {peek.Start} ('{peek.StartText}'). Is it the right port?");
        }
        SmProtocol protocol = peek.Kind == SmConnectionKind.Tlcp ? SmProtocol.Tlcp : SmProtocol.Tls13;
        if (!options.EnabledProtocols.Contains(protocol))
        {
            await SendRefusalAsync(inner, peek, cancellationToken).ConfigureAwait(false);
            throw new SmTlsException(SmTlsError.UnsupportedVersion,
                $"The client speaks {(protocol == SmProtocol.Tlcp ? "TLCP" : "TLS")}, and only {string.Join(", ", options.EnabledProtocols)} is enabled here ({nameof(options.EnabledProtocols)}).");
        }
        return protocol == SmProtocol.Tlcp ? new TlcpServerEngine(options) : new Tls13ServerEngine(options, TlsEngineSettings.From(options));
    }

    /// <summary>Tells a client of TLCP or TLS that its protocol is not served. Others are told nothing: they would not understand it.</summary>
    public static async ValueTask SendRefusalAsync(Stream inner, ClientHelloPeek peek, CancellationToken cancellationToken)
    {
        if (peek.Kind == SmConnectionKind.NotTls)
        {
            return;
        }
        byte[] record = new byte[RecordHeader.Size + TlsAlert.Length];
        ushort version = peek.Kind == SmConnectionKind.Tlcp ? ProtocolVersions.Tlcp : ProtocolVersions.Tls12;
        new RecordHeader(RecordType.Alert, version, TlsAlert.Length).Write(record);
        new TlsAlert(AlertLevel.Fatal, AlertDescription.ProtocolVersion).Write(record.AsSpan(RecordHeader.Size));
        await inner.WriteAsync(record, cancellationToken).ConfigureAwait(false);
    }
}
