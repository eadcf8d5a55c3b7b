using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A client written by hand that shows several tickets in one hello, its own and those that it saw on the wire, whose keys it does not know.</summary>
internal sealed class TicketThief : IDisposable
{
    private readonly HandshakeTranscript _transcript = new();
    private readonly Tls13KeyShare _share = new(NamedGroup.CurveSm2);
    private Tls13KeySchedule _keys = new();
    private Tls13RecordProtection? _open;

    /// <summary>A ticket and its key; zeros where the key is not known.</summary>
    public sealed record Ticket(byte[] Identity, byte[] Psk);

    /// <summary>Whether the hello announces early data.</summary>
    public bool OffersEarlyData { get; init; }

    /// <summary>The ticket in the hello of somebody else.</summary>
    public static byte[] Sniff(byte[] records)
    {
        Assert.Equal(SmTlsError.None, ClientHello.Read(records.AsSpan(RecordHeader.Size + HandshakeMessage.HeaderLength), out ClientHello hello));
        return hello.PreSharedKeys[0].Identity.ToArray();
    }

    /// <summary>A hello in a record; the binder of each ticket is made with the key that is known for it.</summary>
    public byte[] Hello(params Ticket[] tickets)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(writer, ProtocolVersions.Tls12, new byte[32], default, [(ushort)SmCipherSuite.TlsSm4GcmSm3]);
            using (writer.Vector16())
            {
                TlsExtensions.WriteServerName(writer, TestPki.Host);
                TlsExtensions.WriteSupportedGroups(writer, NamedGroup.CurveSm2);
                TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
                TlsExtensions.WriteApplicationProtocols(writer, ["http/1.1"]);
                TlsExtensions.WriteSupportedVersions(writer, ProtocolVersions.Tls13);
                TlsExtensions.WritePskKeyExchangeModes(writer, TlsExtensions.PskDheKe);
                TlsExtensions.WriteKeyShare(writer, NamedGroup.CurveSm2, _share.Share);
                if (OffersEarlyData)
                {
                    TlsExtensions.WriteEmpty(writer, ExtensionType.EarlyData);
                }
                if (tickets.Length > 0)
                {
                    OfferedPsks.Write(writer, [.. tickets.Select(t => (t.Identity, 0u))]);
                }
            }
        }
        Span<byte> message = writer.WrittenMutable;
        int binders = OfferedPsks.GetBindersLength(tickets.Length);
        byte[] hash = new byte[HandshakeTranscript.HashLength], key = new byte[Tls13KeyDerivation.SecretLength];
        for (int i = 0; i < tickets.Length; i++)
        {
            _transcript.GetHashWith(message[..^binders], hash);
            Tls13KeyDerivation.DeriveBinderKey(tickets[i].Psk, isExternal: false, key);
            Tls13KeyDerivation.ComputeFinished(key, hash, message.Slice(message.Length - binders + 3 + (33 * i), 32));
        }
        _transcript.Append(message);
        return [22, 3, 1, (byte)(message.Length >> 8), (byte)message.Length, .. message];
    }

    /// <summary>Takes the server's flight and gives the client's, without a certificate.</summary>
    /// <param name="flight">From the ServerHello to Finished.</param>
    /// <param name="psk">The key of the ticket that the server took; empty when it took none.</param>
    public byte[] Finish(byte[] flight, byte[] psk)
    {
        _keys.Dispose();
        _keys = new Tls13KeySchedule(psk);
        bool asks = false;
        foreach (byte[] record in EnginePair.Records(flight))
        {
            if (_open is null)
            {
                Assert.Equal(SmTlsError.None, ServerHello.Read(record.AsSpan(9), out ServerHello hello));
                Assert.Equal(psk.Length > 0, hello.SelectedIdentity >= 0);
                byte[] secret = new byte[Tls13KeyShare.MaxSecretLength];
                Assert.Equal(SmTlsError.None, _share.Complete(hello.KeyShare, secret, out int length));
                _transcript.Append(record.AsSpan(RecordHeader.Size));
                _keys.DeriveHandshakeSecrets(secret.AsSpan(0, length), Hash());
                _open = new Tls13RecordProtection(SmCipherSuite.TlsSm4GcmSm3, _keys.ServerHandshakeTrafficSecret);
                continue;
            }
            byte[] message = Open(record);
            asks |= message[0] == (byte)HandshakeType.CertificateRequest;
            _transcript.Append(message);
        }
        _keys.DeriveApplicationSecrets(Hash());
        _open!.Dispose();
        _open = new Tls13RecordProtection(SmCipherSuite.TlsSm4GcmSm3, _keys.ServerApplicationTrafficSecret);
        using Tls13RecordProtection seal = new(SmCipherSuite.TlsSm4GcmSm3, _keys.ClientHandshakeTrafficSecret);
        byte[] certificate = [11, 0, 0, 4, 0, 0, 0, 0], finished = [20, 0, 0, 32, .. new byte[32]];
        if (asks)
        {
            _transcript.Append(certificate);
        }
        Tls13KeyDerivation.ComputeFinished(_keys.ClientHandshakeTrafficSecret, Hash(), finished.AsSpan(4));
        _transcript.Append(finished);
        _keys.DeriveResumptionSecret(Hash());
        return [.. asks ? Seal(seal, certificate) : [], .. Seal(seal, finished)];
    }

    /// <summary>The ticket that the server gives after the handshake.</summary>
    public Ticket TakeTicket(byte[] record)
    {
        byte[] message = Open(record);
        Assert.Equal((byte)HandshakeType.NewSessionTicket, message[0]);
        Assert.Equal(SmTlsError.None, Tls13NewSessionTicket.Read(message.AsSpan(4), out Tls13NewSessionTicket ticket));
        byte[] psk = new byte[Tls13KeyDerivation.SecretLength];
        Tls13KeyDerivation.DeriveTicketPsk(_keys.ResumptionMasterSecret, ticket.Nonce, psk);
        return new Ticket(ticket.Ticket.ToArray(), psk);
    }

    public void Dispose()
    {
        _transcript.Dispose();
        _share.Dispose();
        _keys.Dispose();
        _open?.Dispose();
    }

    private byte[] Open(byte[] record)
    {
        byte[] fragment = record[RecordHeader.Size..];
        Assert.Equal(SmTlsError.None, _open!.Open(new RecordHeader(RecordType.ApplicationData, ProtocolVersions.Tls12, fragment.Length), fragment, out _, out Span<byte> message));
        return message.ToArray();
    }

    private static byte[] Seal(Tls13RecordProtection protection, byte[] message)
    {
        byte[] record = new byte[protection.GetSealedLength(message.Length)];
        protection.Seal(RecordType.Handshake, message, record);
        return record;
    }

    private byte[] Hash()
    {
        byte[] hash = new byte[HandshakeTranscript.HashLength];
        _transcript.GetHash(hash);
        return hash;
    }
}
