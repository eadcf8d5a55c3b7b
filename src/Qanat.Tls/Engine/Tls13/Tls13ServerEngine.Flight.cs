using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Messages;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>A server's flight, and its tickets (RFC 8446 sections 4.2.11, 4.3, 4.4 and 4.6.1).</summary>
internal sealed partial class Tls13ServerEngine
{
    /// <summary>Only so many of the tickets that a client shows are looked at.</summary>
    private const int MaxTicketsTried = 4;

    private Tls13Session? _session;
    private int _selectedIdentity;

    private bool AsksForCertificate => _options.ClientCertificateMode != SmClientCertificateMode.None && !IsResumed;

    private SmTlsError Answer(ReadOnlySpan<byte> sessionId, ReadOnlySpan<byte> clientShare)
    {
        Span<byte> secret = stackalloc byte[Tls13KeyShare.MaxSecretLength];
        if (Tls13KeyShare.Respond(Group, clientShare, out byte[] share, secret, out int secretLength, Settings.EphemeralKey?.Invoke()) is var error and not SmTlsError.None)
        {
            CryptographicOperations.ZeroMemory(secret);
            return Refuse(error, $"the client's share of {Group} has a wrong length, is no point of the curve or no encapsulation key");
        }
        WriteServerHello(sessionId, share);
        SendFlight();
        SendCompatibilityMessage(sessionId);
        StartKeys(IsResumed ? _session!.Psk : default, secret[..secretLength]);
        CryptographicOperations.ZeroMemory(secret);
        // Its key is spent; when it was authenticated still counts.
        _session?.Dispose();
        ProtectWriting(ProtectionOf(Keys.ServerHandshakeTrafficSecret));
        error = ProtectReading(ProtectionOf(Keys.ClientHandshakeTrafficSecret));
        if (error != SmTlsError.None)
        {
            return error;
        }
        WriteEncryptedExtensions();
        if (AsksForCertificate)
        {
            WriteCertificateRequest();
        }
        if (!IsResumed)
        {
            WriteCertificate(_credential);
            WriteCertificateVerify(_credential!);
        }
        WriteFinished();
        EnterApplicationKeys();
        ProtectWriting(ProtectionOf(Keys.ServerApplicationTrafficSecret));
        _state = AsksForCertificate ? State.Certificate : State.Finished;
        return SmTlsError.None;
    }

    private void WriteServerHello(ReadOnlySpan<byte> sessionId, byte[] share)
    {
        byte[] random = NewRandom();
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ServerHello))
        {
            ServerHello.WriteFields(Flight, ProtocolVersions.Tls12, random, sessionId, CipherSuite);
            using (Flight.Vector16())
            {
                TlsExtensions.WriteSelectedVersion(Flight, ProtocolVersions.Tls13);
                TlsExtensions.WriteServerKeyShare(Flight, Group, share);
                if (IsResumed)
                {
                    TlsExtensions.WriteSelectedIdentity(Flight, (ushort)_selectedIdentity);
                }
            }
        }
        EndMessage(start);
    }

    private void WriteEncryptedExtensions()
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.EncryptedExtensions))
        using (Flight.Vector16())
        {
            // RFC 6066 section 3: the name was used, unless a session is resumed.
            if (ServerName is not null && _options.CredentialSelector is not null && !IsResumed)
            {
                TlsExtensions.WriteEmpty(Flight, ExtensionType.ServerName);
            }
            if (ApplicationProtocol != default)
            {
                TlsExtensions.WriteApplicationProtocols(Flight, [ApplicationProtocol.Protocol]);
            }
        }
        EndMessage(start);
    }

    private void WriteCertificateRequest()
    {
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.CertificateRequest))
        {
            Flight.WriteVector8([]);
            using (Flight.Vector16())
            {
                TlsExtensions.WriteSignatureAlgorithms(Flight, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
            }
        }
        EndMessage(start);
    }

    /// <summary>
    /// Looks for a session among the tickets that the client shows. One that is not known, has expired or was made under other terms is passed over, and a full handshake follows; every
    /// other one must have a right binder, before anything in it counts: tickets travel in the clear, and a thief must not even cause a question about the certificates in one.
    /// </summary>
    private SmTlsError ChooseSession(ClientHello hello, HandshakeMessage message)
    {
        if (_options.TicketKeys is { } keys && _options.AllowResumption && hello.PskKeyExchangeModes.Contains(TlsExtensions.PskDheKe))
        {
            byte[] binding = Binding();
            for (int i = 0; i < Math.Min(hello.PreSharedKeys.Count, MaxTicketsTried) && _session is null; i++)
            {
                Tls13Session? session = keys.Open(hello.PreSharedKeys[i].Identity, Now);
                if (session is null || !session.Binding.AsSpan().SequenceEqual(binding))
                {
                    session?.Dispose();
                    continue;
                }
                if (CheckBinder(session.Psk, i, hello, message) is var error and not SmTlsError.None)
                {
                    session.Dispose();
                    return error;
                }
                if (!TakeClientChain(session, keys))
                {
                    session.Dispose();
                    continue;
                }
                (_session, _selectedIdentity) = (session, i);
            }
        }
        if (_session is not null)
        {
            IsResumed = true;
            return SmTlsError.None;
        }
        return hello.SignatureAlgorithms.Count == 0
            ? Refuse(SmTlsError.MissingExtension, "the pre-shared keys are not known, and without signature_algorithms there is no full handshake")
            : SmTlsError.None;
    }

    private SmTlsError CheckBinder(ReadOnlySpan<byte> psk, int index, ClientHello hello, HandshakeMessage message)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Span<byte> binderKey = stackalloc byte[Tls13KeyDerivation.SecretLength];
        Transcript.GetHashWith(message.Bytes[..hello.PreSharedKeys.TruncatedLength], hash);
        Tls13KeyDerivation.DeriveBinderKey(psk, isExternal: false, binderKey);
        bool isRight = Tls13KeyDerivation.VerifyFinished(binderKey, hash, hello.PreSharedKeys[index].Binder);
        CryptographicOperations.ZeroMemory(binderKey);
        return isRight ? SmTlsError.None : Refuse(SmTlsError.BadBinder, "the binder of the ticket does not verify: the client does not know its pre-shared key");
    }

    // The certificates of the session are judged as if they came now; if they are gone or not good any more, the client shows them again in a full handshake.
    private bool TakeClientChain(Tls13Session session, SmTicketKeys keys)
    {
        if (!session.HasClientChain)
        {
            return true;
        }
        return keys.RecallChain(session.ClientChain) is { } chain && TakeResumedChain(chain, Validate(chain)) == SmTlsError.None;
    }

    private void WriteTickets()
    {
        if (_options.TicketKeys is not { } keys || !_options.AllowResumption)
        {
            return;
        }
        byte[] binding = Binding(), clientChain = HashOf(PeerCertificates);
        if (PeerCertificates.Length > 0)
        {
            keys.RememberChain(clientChain, PeerCertificates);
        }
        DateTimeOffset now = Now, authenticatedAt = _session?.AuthenticatedAt ?? now;
        // Rounded down, so that a client does not show a ticket that is worth nothing any more.
        long lifetimeSeconds = Math.Min((long)keys.TicketLifetime.TotalSeconds, (long)(authenticatedAt + keys.SessionLifetime - now).TotalSeconds);
        Span<byte> ageAdd = stackalloc byte[sizeof(uint)];
        for (int i = 0; i < keys.TicketsPerConnection && lifetimeSeconds > 0; i++)
        {
            byte[] psk = new byte[Tls13KeyDerivation.SecretLength];
            Tls13KeyDerivation.DeriveTicketPsk(Keys.ResumptionMasterSecret, [(byte)i], psk);
            using Tls13Session session = new() { IssuedAt = now, AuthenticatedAt = authenticatedAt, Psk = psk, Binding = binding, ClientChain = clientChain };
            if (keys.Seal(session, now) is not { } ticket)
            {
                return;
            }
            RandomNumberGenerator.Fill(ageAdd);
            using (Flight.Handshake(HandshakeType.NewSessionTicket))
            {
                Tls13NewSessionTicket.Write(Flight, (uint)lifetimeSeconds, BinaryPrimitives.ReadUInt32BigEndian(ageAdd), [(byte)i], ticket);
            }
        }
    }

    /// <summary>Hash of what a session must have in common with a connection that resumes it, besides the client's certificates.</summary>
    private byte[] Binding()
    {
        using TlsWriter terms = new(512);
        terms.WriteVector8("Qanat TLS 1.3 ticket"u8);
        terms.WriteUInt16((ushort)CipherSuite);
        terms.WriteVector16(ServerName is null ? default : Encoding.ASCII.GetBytes(ServerName));
        terms.WriteVector16(ApplicationProtocol.Protocol.Span);
        terms.WriteByte((byte)_options.ClientCertificateMode);
        terms.WriteBytes(Sm3.HashData(_credential!.SignCertificate.RawData.Span));
        return Sm3.HashData(terms.Written);
    }

    private static byte[] HashOf(byte[][] certificates)
    {
        if (certificates.Length == 0)
        {
            return new byte[HashLength];
        }
        using Sm3Hash hash = new();
        foreach (byte[] certificate in certificates)
        {
            // DER says its own length.
            hash.AppendData(certificate);
        }
        byte[] value = new byte[HashLength];
        hash.GetHashAndReset(value);
        return value;
    }
}
