using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>The hellos of a client (RFC 8446 sections 4.1 and 4.2).</summary>
internal sealed partial class Tls13ClientEngine
{
    private byte[] _sessionId = [];
    private Tls13KeyShare? _share;
    private Tls13Ticket? _ticket;
    private SmChainResult? _resumedChain;
    private string? _ticketKey;
    private byte[] _cookie = [];
    private bool _hasRetried;

    // The last eight bytes of a ServerHello's random when a server that knows TLS 1.3 chooses an older version (RFC 8446 section 4.1.3).
    private static ReadOnlySpan<byte> DowngradeToTls12 => "DOWNGRD\x01"u8;

    private static ReadOnlySpan<byte> DowngradeToTls11 => "DOWNGRD\0"u8;

    /// <inheritdoc/>
    public override void Start()
    {
        ClientRandom = NewRandom();
        _sessionId = _options.MiddleboxCompatibility && !_isPlain ? RandomNumberGenerator.GetBytes(ClientHello.MaxSessionIdLength) : [];
        _share = new Tls13KeyShare(Groups[0], Settings.EphemeralKey?.Invoke());
        TakeTicket();
        if (Settings.RecordedHello is { } recorded)
        {
            RepeatHello(recorded);
        }
        else
        {
            WriteHello();
        }
        SendFlight();
        _state = State.ServerHello;
    }

    private void RepeatHello(byte[] message)
    {
        ClientHello.Read(message.AsSpan(HandshakeMessage.HeaderLength), out ClientHello hello);
        (ClientRandom, _sessionId) = (hello.Random.ToArray(), hello.SessionId.ToArray());
        int start = BeginMessage();
        Flight.WriteBytes(message);
        EndMessage(start);
    }

    private void TakeTicket()
    {
        if (_options.Tickets is not { } tickets || !_options.AllowResumption || _peerName is null || _isPlain)
        {
            return;
        }
        _ticketKey = TicketKey();
        _ticket = tickets.Take(_ticketKey, Now);
        // What would not be taken anew is not shown again: the full handshake that follows will say why.
        _resumedChain = _ticket is null ? null : Validate(_ticket.ServerChain);
        if (_resumedChain is { IsValid: false } && _options.RemoteCertificateValidationCallback is null)
        {
            _ticket!.Dispose();
            _ticket = null;
        }
    }

    // Server and everything that must be the same again.
    private string TicketKey()
    {
        using Sm3Hash hash = new();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (ReadOnlyMemory<byte> part in (ReadOnlySpan<ReadOnlyMemory<byte>>)[
            Encoding.UTF8.GetBytes(_peerName!.ToLowerInvariant()),
            Encoding.UTF8.GetBytes(_options.TargetHost?.ToLowerInvariant() ?? ""),
            MemoryMarshal.AsBytes<SmCipherSuite>(Suites).ToArray(),
            MemoryMarshal.AsBytes<NamedGroup>(Groups).ToArray(),
            Encoding.UTF8.GetBytes(string.Join('\0', _options.ApplicationProtocols ?? [])),
            _options.ClientCredential?.SignCertificate.RawData ?? default,
            _options.Trust?.Id.ToArray() ?? default(ReadOnlyMemory<byte>)])
        {
            BinaryPrimitives.WriteInt32BigEndian(length, part.Length);
            hash.AppendData(length);
            hash.AppendData(part.Span);
        }
        Span<byte> key = stackalloc byte[HashLength];
        hash.GetHashAndReset(key);
        return Convert.ToHexString(key);
    }

    private void WriteHello()
    {
        int start = BeginMessage();
        DateTimeOffset now = Now;
        using (Flight.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(Flight, ProtocolVersions.Tls12, ClientRandom, _sessionId, MemoryMarshal.Cast<SmCipherSuite, ushort>(Suites));
            using (Flight.Vector16())
            {
                WriteExtensions(now);
            }
        }
        if (_ticket is not null)
        {
            WriteBinder(Flight.WrittenMutable[start..], _ticket.Psk);
        }
        EndMessage(start);
    }

    private void WriteExtensions(DateTimeOffset now)
    {
        if (ServerName is not null)
        {
            TlsExtensions.WriteServerName(Flight, ServerName);
        }
        TlsExtensions.WriteSupportedGroups(Flight, Groups);
        TlsExtensions.WriteSignatureAlgorithms(Flight, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
        if (_options.ApplicationProtocols is { Count: > 0 } protocols)
        {
            TlsExtensions.WriteApplicationProtocols(Flight, [.. protocols.Select(protocol => protocol.Protocol)]);
        }
        TlsExtensions.WriteSupportedVersions(Flight, ProtocolVersions.Tls13);
        if (_ticketKey is not null)
        {
            TlsExtensions.WritePskKeyExchangeModes(Flight, TlsExtensions.PskDheKe);
        }
        TlsExtensions.WriteKeyShare(Flight, _share!.Group, _share.Share);
        if (_cookie.Length > 0)
        {
            TlsExtensions.WriteCookie(Flight, _cookie);
        }
        if (_ticket is not null)
        {
            OfferedPsks.Write(Flight, (_ticket.Identity, _ticket.ObfuscatedAge(now)));
        }
    }

    // RFC 8446 section 4.2.11.2: over the messages before and this one up to its binders.
    private void WriteBinder(Span<byte> message, ReadOnlySpan<byte> psk)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Span<byte> binderKey = stackalloc byte[Tls13KeyDerivation.SecretLength];
        Transcript.GetHashWith(message[..^OfferedPsks.GetBindersLength(1)], hash);
        Tls13KeyDerivation.DeriveBinderKey(psk, isExternal: false, binderKey);
        Tls13KeyDerivation.ComputeFinished(binderKey, hash, message[^HashLength..]);
        CryptographicOperations.ZeroMemory(binderKey);
    }

    private SmTlsError OnServerHello(HandshakeMessage message)
    {
        if (ServerHello.Read(message.Body, out ServerHello hello) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a ServerHello that does not decode");
        }
        if (hello.Protocol != SmProtocol.Tls13)
        {
            bool isDowngrade = hello.Random.EndsWith(DowngradeToTls12) || hello.Random.EndsWith(DowngradeToTls11);
            return isDowngrade
                ? Refuse(SmTlsError.IllegalParameter, "the server knows TLS 1.3 but was made to choose an older version: somebody changed the hello on the way")
                : Refuse(SmTlsError.UnsupportedVersion, $"the server does not choose TLS 1.3 (version {(hello.SelectedVersion != 0 ? hello.SelectedVersion : hello.LegacyVersion):x4})");
        }
        if (!hello.SessionId.SequenceEqual(_sessionId))
        {
            return Refuse(SmTlsError.IllegalParameter, "the ServerHello has another session id than the hello");
        }
        if (!Suites.Contains(hello.CipherSuite) || (_hasRetried && hello.CipherSuite != CipherSuite))
        {
            return Refuse(SmTlsError.IllegalParameter, $"the server chooses {hello.CipherSuite.Name()}, which was not offered{(_hasRetried ? ", or is not that of its HelloRetryRequest" : "")}");
        }
        foreach (Extension extension in hello.Extensions)
        {
            bool isAllowed = extension.Type is ExtensionType.SupportedVersions or ExtensionType.KeyShare
                || (extension.Type == ExtensionType.Cookie && hello.IsHelloRetryRequest)
                || (extension.Type == ExtensionType.PreSharedKey && !hello.IsHelloRetryRequest && _ticket is not null);
            if (!isAllowed)
            {
                return Refuse(SmTlsError.UnsupportedExtension, $"the ServerHello has extension {(ushort)extension.Type}, which was not offered or does not belong there");
            }
        }
        CipherSuite = hello.CipherSuite;
        return hello.IsHelloRetryRequest ? OnHelloRetryRequest(hello, message) : OnRealServerHello(hello, message);
    }

    private SmTlsError OnHelloRetryRequest(ServerHello hello, HandshakeMessage message)
    {
        if (_hasRetried)
        {
            return Refuse(SmTlsError.UnexpectedMessage, "a second HelloRetryRequest");
        }
        if (HasPartialMessage)
        {
            return Refuse(SmTlsError.UnexpectedMessage, "a message after a HelloRetryRequest, before the second hello");
        }
        // A retry must change something (RFC 8446 section 4.1.4), and a group only to one that was offered without a share.
        if (hello.Extensions.Contains(ExtensionType.KeyShare))
        {
            if (!Groups.Contains(hello.Group) || hello.Group == _share!.Group)
            {
                return Refuse(SmTlsError.IllegalParameter, $"a HelloRetryRequest for group {(ushort)hello.Group:x4}, which was not offered or has its share already");
            }
            _share.Dispose();
            _share = new Tls13KeyShare(hello.Group);
        }
        else if (hello.Cookie.IsEmpty)
        {
            return Refuse(SmTlsError.IllegalParameter, "a HelloRetryRequest that changes nothing");
        }
        _hasRetried = true;
        _cookie = hello.Cookie.ToArray();
        Transcript.ReplaceByMessageHash();
        Transcript.Append(message.Bytes);
        SendCompatibilityMessage();
        WriteHello();
        SendFlight();
        return SmTlsError.None;
    }

    private SmTlsError OnRealServerHello(ServerHello hello, HandshakeMessage message)
    {
        if (hello.KeyShare.IsEmpty)
        {
            return Refuse(SmTlsError.MissingExtension, "the ServerHello has no key_share; sessions are resumed with key exchange only");
        }
        if (hello.Group != _share!.Group)
        {
            return Refuse(SmTlsError.IllegalParameter, $"the server answers with a share of group {(ushort)hello.Group:x4}, not {(ushort)_share.Group:x4}");
        }
        if (hello.SelectedIdentity > 0)
        {
            return Refuse(SmTlsError.IllegalParameter, $"the server chooses pre-shared key {hello.SelectedIdentity}; one was offered");
        }
        Span<byte> secret = stackalloc byte[Tls13KeyShare.MaxSecretLength];
        if (_share.Complete(hello.KeyShare, secret, out int secretLength) is var error and not SmTlsError.None)
        {
            CryptographicOperations.ZeroMemory(secret);
            return Refuse(error, $"the server's share of {_share.Group} has a wrong length or is no point of the curve");
        }
        Group = hello.Group;
        IsResumed = hello.SelectedIdentity == 0;
        Transcript.Append(message.Bytes);
        StartKeys(IsResumed ? _ticket!.Psk : default, secret[..secretLength]);
        CryptographicOperations.ZeroMemory(secret);
        _state = State.EncryptedExtensions;
        SendCompatibilityMessage();
        ProtectWriting(ProtectionOf(Keys.ClientHandshakeTrafficSecret));
        if (IsResumed && TakeResumedChain(_ticket!.ServerChain, _resumedChain!) is var refused and not SmTlsError.None)
        {
            return refused;
        }
        _share.Dispose();
        _ticket?.Dispose();
        return ProtectReading(ProtectionOf(Keys.ServerHandshakeTrafficSecret));
    }
}
