using Qanat.Tls;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>Hellos in records, handshake messages in pieces, and every message of TLCP and TLS 1.3.</summary>
internal static class TlsTargets
{
    private static readonly byte[] s_random = new byte[32];
    private static readonly byte[] s_point = [4, .. new byte[64]];
    private static readonly byte[] s_clientHello = Message(HandshakeType.ClientHello, WriteClientHello);
    private static readonly byte[] s_tlcpHello = Message(HandshakeType.ClientHello, w => ClientHello.WriteFields(w, ProtocolVersions.Tlcp, s_random, [], [0xE013, 0xE053]));
    private static readonly byte[] s_serverHello = Message(HandshakeType.ServerHello, WriteServerHello);

    private static readonly byte[][] s_messages =
    [
        s_clientHello, s_tlcpHello, s_serverHello,
        Message(HandshakeType.Certificate, w => CertificateList.WriteTlcp(w, [[0x30, 0], [0x30, 1, 2]])),
        Message(HandshakeType.Certificate, w => CertificateList.WriteTls13(w, [], [[0x30, 0], [0x30, 1, 2]])),
        Message(HandshakeType.ServerKeyExchange, w => ServerKeyExchange.WriteEcc(w, [0x30, 6, 2, 1, 1, 2, 1, 1])),
        Message(HandshakeType.ServerKeyExchange, w => ServerKeyExchange.WriteEcdhe(w, s_point, [0x30, 6, 2, 1, 1, 2, 1, 1])),
        Message(HandshakeType.CertificateRequest, w => TlcpCertificateRequest.Write(w, [1, 64], [[0x30, 0]])),
        Message(HandshakeType.CertificateRequest, WriteTls13CertificateRequest),
        Message(HandshakeType.ClientKeyExchange, w => ClientKeyExchange.WriteEcc(w, new byte[156])),
        Message(HandshakeType.ClientKeyExchange, w => ClientKeyExchange.WriteEcdhe(w, s_point, ClientKeyExchangeDialect.WithLength)),
        Message(HandshakeType.ClientKeyExchange, w => ClientKeyExchange.WriteEcdhe(w, s_point, ClientKeyExchangeDialect.WithoutLength)),
        Message(HandshakeType.CertificateVerify, w => Tls13Messages.WriteCertificateVerify(w, SignatureScheme.Sm2SigSm3, [1, 2])),
        Message(HandshakeType.NewSessionTicket, w => Tls13NewSessionTicket.Write(w, 7200, 1, [0], [1, 2, 3])),
        Message(HandshakeType.NewSessionTicket, w => TlcpMessages.WriteNewSessionTicket(w, 7200, [1, 2, 3])),
        Message(HandshakeType.Finished, w => w.WriteBytes(new byte[12])),
        Message(HandshakeType.KeyUpdate, w => Tls13Messages.WriteKeyUpdate(w, true)),
    ];

    internal static FuzzTarget[] All { get; } =
    [
        new("tls-client-hello", [Records(s_clientHello, 16384), Records(s_clientHello, 20), Records(s_tlcpHello, 1)], Hello),
        new("tls-handshake-stream", [[.. s_messages.SelectMany(m => m)], s_messages[3], s_messages[^1]], Stream),
        new("tls-messages", s_messages, Messages),
        new("tls-record-header", [[22, 3, 1, 0, 5], [23, 1, 1, 0x41, 0], [21, 3, 3, 0, 2]], Header),
    ];

    /// <summary>More bytes never turn a refused hello into another outcome; needed lengths are honest; the hello's fields are inside the input's bounds.</summary>
    private static void Hello(ReadOnlySpan<byte> input)
    {
        Span<byte> scratch = stackalloc byte[4096];
        TlsReadStatus status = ClientHelloRecords.TryRead(input, scratch, out ClientHello hello, out int needed, out SmTlsError error);
        Require(status == TlsReadStatus.Malformed == error is not SmTlsError.None, "a refusal has its error");
        Require(status != TlsReadStatus.NeedMoreData || needed > input.Length, "what is needed is not there yet");
        if (status == TlsReadStatus.Complete)
        {
            Require(hello.Random.Length == 32 && hello.SessionId.Length <= 32 && hello.ServerName.Length <= TlsExtensions.MaxServerNameLength, "lengths are bounded");
            Require(hello.PreSharedKeys.Count <= OfferedPsks.MaxCount && hello.PreSharedKeys.TruncatedLength <= scratch.Length, "what binders cover is inside the hello");
            foreach (KeyShareEntry entry in hello.KeyShares)
            {
                Require(!entry.Share.IsEmpty, "a share is not empty");
            }
        }
        byte[] other = new byte[4096];
        int half = input.Length / 2;
        TlsReadStatus early = ClientHelloRecords.TryRead(input[..half], other, out _, out int neededEarly, out SmTlsError earlyError);
        Require(early != TlsReadStatus.Malformed || (status == TlsReadStatus.Malformed && earlyError == error), "a refusal stays the same with more bytes");
        Require(early != TlsReadStatus.Complete || status == TlsReadStatus.Complete, "a hello stays one with more bytes");
        Require(early != TlsReadStatus.NeedMoreData || input.Length >= neededEarly || status != TlsReadStatus.Complete, "no hello is whole before the needed length");
    }

    /// <summary>The first byte says how the rest is cut; the messages must not depend on it.</summary>
    private static void Stream(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }
        string cut = Read(input, 1 + (input[0] % 64));
        string whole = Read(input, RecordHeader.MaxPlaintext);
        Require(whole == cut, $"cut up it tells '{cut}', at once it tells '{whole}'");
    }

    private static string Read(ReadOnlySpan<byte> input, int step)
    {
        const int MaxMessage = 1000;
        using HandshakeReader reader = new(MaxMessage);
        List<string> outcome = [];
        for (; !input.IsEmpty; input = input[Math.Min(step, input.Length)..])
        {
            Require(reader.Append(input[..Math.Min(step, input.Length)]) == SmTlsError.None, "what was read leaves room");
            TlsReadStatus status;
            while ((status = reader.TryRead(out HandshakeMessage message, out SmTlsError error)) != TlsReadStatus.NeedMoreData)
            {
                if (status == TlsReadStatus.Malformed)
                {
                    return string.Join(' ', [.. outcome, error.ToString()]);
                }
                Require(message.Body.Length <= MaxMessage, "a message is bounded");
                outcome.Add(Convert.ToHexString(message.Bytes));
            }
            Require(reader.BufferedLength <= HandshakeMessage.HeaderLength + MaxMessage, "what waits is bounded");
        }
        return string.Join(' ', outcome);
    }

    /// <summary>Every reader takes every body; what is read is bounded.</summary>
    private static void Messages(ReadOnlySpan<byte> input)
    {
        if (input.Length < HandshakeMessage.HeaderLength)
        {
            return;
        }
        ReadOnlySpan<byte> body = input[HandshakeMessage.HeaderLength..];
        if (ClientHello.Read(body, out ClientHello hello) == SmTlsError.None)
        {
            for (int i = 0; i < hello.PreSharedKeys.Count; i++)
            {
                Require(hello.PreSharedKeys[i].Binder.Length >= 32 && !hello.PreSharedKeys[i].Identity.IsEmpty, "a pre-shared key has identity and binder");
            }
        }
        ServerHello.Read(body, out _);
        EncryptedExtensions.Read(body, out _);
        if (CertificateList.ReadTlcp(body, out CertificateList tlcp) == SmTlsError.None)
        {
            Require(tlcp.ToArray().Length == tlcp.Count && tlcp.Count <= CertificateList.MaxCount, "certificates are counted");
            using TlsWriter writer = new();
            CertificateList.WriteTlcp(writer, tlcp.ToArray());
            Require(writer.Written.SequenceEqual(body), "certificates write back to the same bytes");
        }
        if (CertificateList.ReadTls13(body, out _, out CertificateList tls13) == SmTlsError.None)
        {
            Require(tls13.ToArray().Length == tls13.Count, "certificates are counted");
        }
        foreach (bool isEcdhe in (ReadOnlySpan<bool>)[false, true])
        {
            ServerKeyExchange.Read(body, isEcdhe, out _);
            if (ClientKeyExchange.Read(body, isEcdhe, out ClientKeyExchange exchange) == SmTlsError.None)
            {
                using TlsWriter writer = new();
                if (isEcdhe)
                {
                    ClientKeyExchange.WriteEcdhe(writer, exchange.Point, exchange.Dialect);
                }
                else
                {
                    ClientKeyExchange.WriteEcc(writer, exchange.EncryptedPreMasterSecret);
                }
                Require(writer.Written.SequenceEqual(body), "a key exchange writes back to the same bytes");
            }
        }
        TlcpCertificateRequest.Read(body, out _);
        Tls13CertificateRequest.Read(body, out _);
        TlcpMessages.ReadCertificateVerify(body, out _);
        TlcpMessages.ReadFinished(body, out _);
        TlcpMessages.ReadNewSessionTicket(body, out _, out _);
        Tls13Messages.ReadCertificateVerify(body, out _, out _);
        Tls13Messages.ReadFinished(body, out _);
        Tls13Messages.ReadKeyUpdate(body, out _);
        if (Tls13NewSessionTicket.Read(body, out Tls13NewSessionTicket ticket) == SmTlsError.None)
        {
            Require(ticket.LifetimeSeconds <= Tls13NewSessionTicket.MaxLifetimeSeconds && !ticket.Ticket.IsEmpty, "a ticket is bounded");
        }
        TlsAlert.Read(body, out _);
    }

    private static void Header(ReadOnlySpan<byte> input)
    {
        TlsReadStatus status = RecordHeader.TryRead(input, RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out SmTlsError error);
        Require(status == TlsReadStatus.Malformed == error is not SmTlsError.None, "a refusal has its error");
        Require(status != TlsReadStatus.NeedMoreData || input.Length < RecordHeader.Size, "5 bytes decide");
        if (status == TlsReadStatus.Complete)
        {
            byte[] again = new byte[RecordHeader.Size];
            header.Write(again);
            Require(input.StartsWith(again), "a parsed header writes back to the same bytes");
        }
    }

    private static void WriteClientHello(TlsWriter writer)
    {
        ClientHello.WriteFields(writer, ProtocolVersions.Tls12, s_random, s_random, [0x00C6, 0x1301]);
        using (writer.Vector16())
        {
            TlsExtensions.WriteServerName(writer, "a.example");
            TlsExtensions.WriteApplicationProtocols(writer, ["h2"]);
            TlsExtensions.WriteSupportedVersions(writer, ProtocolVersions.Tls13);
            TlsExtensions.WriteSupportedGroups(writer, NamedGroup.CurveSm2);
            TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
            TlsExtensions.WriteKeyShare(writer, NamedGroup.CurveSm2, s_point);
            TlsExtensions.WritePskKeyExchangeModes(writer, TlsExtensions.PskDheKe);
            OfferedPsks.Write(writer, (s_random, 7u));
        }
    }

    private static void WriteServerHello(TlsWriter writer)
    {
        ServerHello.WriteFields(writer, ProtocolVersions.Tls12, s_random, s_random, SmCipherSuite.TlsSm4GcmSm3);
        using (writer.Vector16())
        {
            TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
            TlsExtensions.WriteServerKeyShare(writer, NamedGroup.CurveSm2, s_point);
        }
    }

    private static void WriteTls13CertificateRequest(TlsWriter writer)
    {
        writer.WriteVector8([]);
        using (writer.Vector16())
        {
            TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
        }
    }

    private static byte[] Message(HandshakeType type, Action<TlsWriter> write)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(type))
        {
            write(writer);
        }
        return writer.Written.ToArray();
    }

    private static byte[] Records(byte[] message, int step)
    {
        List<byte> stream = [];
        byte[] header = new byte[RecordHeader.Size];
        foreach (byte[] part in message.Chunk(step))
        {
            new RecordHeader(RecordType.Handshake, ProtocolVersions.Tls10, part.Length).Write(header);
            stream.AddRange(header);
            stream.AddRange(part);
        }
        return [.. stream];
    }
}
