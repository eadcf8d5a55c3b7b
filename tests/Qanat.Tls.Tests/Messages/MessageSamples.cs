using Qanat.Tls.Messages;

namespace Qanat.Tls.Tests.Messages;

/// <summary>Reads a body as one kind of message.</summary>
internal delegate SmTlsError ReadBody(ReadOnlySpan<byte> body);

/// <summary>One valid body of every kind of message, and what reads it.</summary>
internal static class MessageSamples
{
    public static readonly byte[] HelloRandom = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    public static readonly byte[] SessionId = [.. Enumerable.Range(100, 32).Select(i => (byte)i)];
    public static readonly byte[] Point = [4, .. Enumerable.Range(0, 64).Select(i => (byte)i)];
    public static readonly byte[] Signature = [0x30, .. Enumerable.Range(0, 70).Select(i => (byte)i)];
    public static readonly byte[] Certificate = [0x30, 0x82, 0x01, 0x00, .. new byte[256]];

    public static IReadOnlyDictionary<string, (byte[] Body, ReadBody Read)> All { get; } = new Dictionary<string, (byte[], ReadBody)>
    {
        ["client-hello-tls13"] = (Write(WriteTls13ClientHello), body => ClientHello.Read(body, out _)),
        ["client-hello-tlcp"] = (Write(w => ClientHello.WriteFields(w, ProtocolVersions.Tlcp, HelloRandom, SessionId, [0xE053, 0x00FF])), body => ClientHello.Read(body, out _)),
        ["server-hello-tls13"] = (Write(WriteTls13ServerHello), body => ServerHello.Read(body, out _)),
        ["hello-retry-request"] = (Write(WriteHelloRetryRequest), body => ServerHello.Read(body, out _)),
        ["server-hello-tlcp"] = (Write(w => ServerHello.WriteFields(w, ProtocolVersions.Tlcp, HelloRandom, SessionId, SmCipherSuite.EccSm4GcmSm3)), body => ServerHello.Read(body, out _)),
        ["certificate-tlcp"] = (Write(w => CertificateList.WriteTlcp(w, [Certificate, [1], Certificate])), body => CertificateList.ReadTlcp(body, out _)),
        ["certificate-tls13"] = (Write(w => CertificateList.WriteTls13(w, [7], [Certificate, [1]])), body => CertificateList.ReadTls13(body, out _, out _)),
        ["server-key-exchange-ecc"] = (Write(w => ServerKeyExchange.WriteEcc(w, Signature)), body => ServerKeyExchange.Read(body, false, out _)),
        ["server-key-exchange-ecdhe"] = (Write(w => ServerKeyExchange.WriteEcdhe(w, Point, Signature)), body => ServerKeyExchange.Read(body, true, out _)),
        ["certificate-request-tlcp"] = (Write(w => TlcpCertificateRequest.Write(w, [TlcpCertificateRequest.RsaSign, TlcpCertificateRequest.EcdsaSign], [[0x30, 0], [0x30, 1, 2]])),
            body => TlcpCertificateRequest.Read(body, out _)),
        ["certificate-request-tls13"] = (Write(WriteTls13CertificateRequest), body => Tls13CertificateRequest.Read(body, out _)),
        ["server-hello-done"] = ([], TlcpMessages.ReadServerHelloDone),
        ["client-key-exchange-ecc"] = (Write(w => ClientKeyExchange.WriteEcc(w, Certificate)), body => ClientKeyExchange.Read(body, false, out _)),
        ["client-key-exchange-71"] = (Write(w => ClientKeyExchange.WriteEcdhe(w, Point, ClientKeyExchangeDialect.WithLength)), body => ClientKeyExchange.Read(body, true, out _)),
        ["client-key-exchange-69"] = (Write(w => ClientKeyExchange.WriteEcdhe(w, Point, ClientKeyExchangeDialect.WithoutLength)), body => ClientKeyExchange.Read(body, true, out _)),
        ["certificate-verify-tlcp"] = (Write(w => TlcpMessages.WriteCertificateVerify(w, Signature)), body => TlcpMessages.ReadCertificateVerify(body, out _)),
        ["certificate-verify-tls13"] = (Write(w => Tls13Messages.WriteCertificateVerify(w, SignatureScheme.Sm2SigSm3, Signature)), body => Tls13Messages.ReadCertificateVerify(body, out _, out _)),
        ["finished-tlcp"] = (new byte[12], body => TlcpMessages.ReadFinished(body, out _)),
        ["finished-tls13"] = (new byte[32], body => Tls13Messages.ReadFinished(body, out _)),
        ["new-session-ticket-tlcp"] = (Write(w => TlcpMessages.WriteNewSessionTicket(w, 7200, Certificate)), body => TlcpMessages.ReadNewSessionTicket(body, out _, out _)),
        ["new-session-ticket-tls13"] = (Write(w => Tls13NewSessionTicket.Write(w, 7200, 0xDEADBEEF, [0, 1], Certificate)), body => Tls13NewSessionTicket.Read(body, out _)),
        ["encrypted-extensions"] = (Write(WriteEncryptedExtensions), body => EncryptedExtensions.Read(body, out _)),
        ["key-update"] = (Write(w => Tls13Messages.WriteKeyUpdate(w, true)), body => Tls13Messages.ReadKeyUpdate(body, out _)),
        ["alert"] = ([2, 40], body => TlsAlert.Read(body, out _)),
    };

    public static byte[] Write(Action<TlsWriter> write)
    {
        using TlsWriter writer = new(16);
        write(writer);
        return writer.Written.ToArray();
    }

    public static void WriteTls13ClientHello(TlsWriter writer)
    {
        ClientHello.WriteFields(writer, ProtocolVersions.Tls12, HelloRandom, SessionId, [0x00C6, 0x00C7]);
        using (writer.Vector16())
        {
            TlsExtensions.WriteServerName(writer, "bank.example");
            TlsExtensions.WriteApplicationProtocols(writer, ["h2", "http/1.1"]);
            TlsExtensions.WriteSupportedGroups(writer, NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768);
            TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
            TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithmsCert, SignatureScheme.Sm2SigSm3);
            TlsExtensions.WriteSupportedVersions(writer, ProtocolVersions.Tls13);
            TlsExtensions.WriteCookie(writer, [9, 8, 7]);
            TlsExtensions.WriteKeyShare(writer, NamedGroup.CurveSm2, Point);
            TlsExtensions.WriteRaw(writer, (ExtensionType)0x0A0A, [1, 2, 3]);
            TlsExtensions.WritePskKeyExchangeModes(writer, TlsExtensions.PskDheKe);
            OfferedPsks.Write(writer, (Certificate, 0x01020304u), (HelloRandom, 5u));
        }
    }

    private static void WriteTls13ServerHello(TlsWriter writer)
    {
        ServerHello.WriteFields(writer, ProtocolVersions.Tls12, HelloRandom, SessionId, SmCipherSuite.TlsSm4GcmSm3);
        using (writer.Vector16())
        {
            TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
            TlsExtensions.WriteServerKeyShare(writer, NamedGroup.CurveSm2, Point);
            TlsExtensions.WriteSelectedIdentity(writer, 1);
        }
    }

    private static void WriteHelloRetryRequest(TlsWriter writer)
    {
        ServerHello.WriteFields(writer, ProtocolVersions.Tls12, ServerHello.HelloRetryRequestRandom, SessionId, SmCipherSuite.TlsSm4GcmSm3);
        using (writer.Vector16())
        {
            TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
            TlsExtensions.WriteRetryGroup(writer, NamedGroup.CurveSm2);
            TlsExtensions.WriteCookie(writer, [1]);
        }
    }

    private static void WriteTls13CertificateRequest(TlsWriter writer)
    {
        writer.WriteVector8([]);
        using (writer.Vector16())
        {
            TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
            TlsExtensions.WriteCertificateAuthorities(writer, [[0x30, 0], [0x30, 1, 2]]);
        }
    }

    private static void WriteEncryptedExtensions(TlsWriter writer)
    {
        using (writer.Vector16())
        {
            TlsExtensions.WriteEmpty(writer, ExtensionType.ServerName);
            TlsExtensions.WriteApplicationProtocols(writer, ["h2"]);
            TlsExtensions.WriteSupportedGroups(writer, NamedGroup.CurveSm2);
        }
    }
}
