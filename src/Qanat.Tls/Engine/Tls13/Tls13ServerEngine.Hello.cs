using System.Net.Security;
using System.Security.Cryptography;
using System.Text;
using Qanat.Gm;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>A client's hellos and what a server chooses from them (RFC 8446 sections 4.1 and 4.2).</summary>
internal sealed partial class Tls13ServerEngine
{
    private const int CookieLength = 32;

    // Of the hello that was answered by a HelloRetryRequest.
    private readonly byte[] _firstHello = new byte[HashLength];
    private bool _firstHelloHadPsk;
    private NamedGroup _retryGroup;
    private byte[] _cookie = [];
    private SmSslCredential? _credential;

    private SmTlsError OnClientHello(HandshakeMessage message)
    {
        if (ClientHello.Read(message.Body, out ClientHello hello) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a ClientHello that does not decode");
        }
        error = CheckForm(hello);
        if (error == SmTlsError.None)
        {
            error = _state == State.SecondClientHello ? CheckSecondHello(hello) : Choose(hello);
        }
        if (error != SmTlsError.None)
        {
            return error;
        }
        ClientRandom = hello.Random.ToArray();
        bool hasShare = hello.KeyShares.TryGet(Group, out ReadOnlySpan<byte> share);
        if (_state == State.ClientHello && (!hasShare || AlwaysSendsCookie))
        {
            return Retry(hello, message, hasShare);
        }
        error = ChooseSession(hello, message);
        if (error != SmTlsError.None)
        {
            return error;
        }
        // After a HelloRetryRequest a client has stopped sending early data.
        _skipsEarlyData = _state == State.ClientHello && hello.Extensions.Contains(ExtensionType.EarlyData);
        Transcript.Append(message.Bytes);
        return Answer(hello.SessionId, share);
    }

    /// <summary>What RFC 8446 asks of every hello (sections 4.1.2, 4.2.9 and 9.2).</summary>
    private SmTlsError CheckForm(ClientHello hello)
    {
        if (!hello.OffersTls13)
        {
            return hello.CipherSuites.Contains(SmCipherSuites.FallbackScsv)
                ? Refuse(SmTlsError.InappropriateFallback, "the client fell back to an older version although this server knows TLS 1.3")
                : Refuse(SmTlsError.UnsupportedVersion, "the client does not offer TLS 1.3");
        }
        if (hello.CompressionMethods is not [0])
        {
            return Refuse(SmTlsError.IllegalParameter, "the hello offers compression");
        }
        if (hello.HasKeyShare != hello.SupportedGroups.Count > 0)
        {
            return Refuse(SmTlsError.MissingExtension, "a hello with one of key_share and supported_groups, without the other");
        }
        if (hello.PreSharedKeys.Count > 0 && hello.PskKeyExchangeModes.IsEmpty)
        {
            return Refuse(SmTlsError.MissingExtension, "a hello with pre_shared_key, without psk_key_exchange_modes");
        }
        if (!hello.HasKeyShare || (hello.SignatureAlgorithms.Count == 0 && hello.PreSharedKeys.Count == 0))
        {
            return Refuse(SmTlsError.MissingExtension, $"a hello without {(hello.HasKeyShare ? "signature_algorithms" : "key_share and supported_groups")}");
        }
        foreach (KeyShareEntry entry in hello.KeyShares)
        {
            if (!hello.SupportedGroups.Contains((ushort)entry.Group))
            {
                return Refuse(SmTlsError.IllegalParameter, $"a share of group {(ushort)entry.Group:x4}, which is not among the supported groups");
            }
        }
        return SmTlsError.None;
    }

    private SmTlsError Choose(ClientHello hello)
    {
        if (!hello.Cookie.IsEmpty)
        {
            return Refuse(SmTlsError.IllegalParameter, "a first hello with a cookie");
        }
        foreach (SmCipherSuite suite in Suites)
        {
            if (CipherSuite == SmCipherSuite.None && hello.CipherSuites.Contains((ushort)suite))
            {
                CipherSuite = suite;
            }
        }
        if (CipherSuite == SmCipherSuite.None)
        {
            return Refuse(SmTlsError.NoCommonSuite, $"the client offers none of {string.Join(", ", Suites.Select(suite => suite.Name()))}");
        }
        ChooseGroup(hello);
        if (Group == NamedGroup.None)
        {
            return Refuse(SmTlsError.NoCommonGroup, $"the client offers none of {string.Join(", ", Groups)}; the suites of RFC 8998 need one");
        }
        if (hello.SignatureAlgorithms.Count > 0 && !hello.SignatureAlgorithms.Contains((ushort)SignatureScheme.Sm2SigSm3))
        {
            return Refuse(SmTlsError.NoCommonSignatureScheme, "the client does not take signatures of sm2sig_sm3, which the suites of RFC 8998 need");
        }
        return ChooseName(hello);
    }

    // The first group of this server that needs no second hello; otherwise its first that the client knows.
    private void ChooseGroup(ClientHello hello)
    {
        foreach (NamedGroup group in Groups)
        {
            if (hello.KeyShares.TryGet(group, out _))
            {
                Group = group;
                return;
            }
        }
        foreach (NamedGroup group in Groups)
        {
            if (hello.SupportedGroups.Contains((ushort)group))
            {
                Group = group;
                return;
            }
        }
    }

    private SmTlsError ChooseName(ClientHello hello)
    {
        ServerName = hello.ServerName.IsEmpty ? null : Encoding.ASCII.GetString(hello.ServerName).ToLowerInvariant();
        _credential = _options.CredentialSelector is { } select ? select(ServerName) : _options.Credential;
        if (_credential is null)
        {
            return Refuse(SmTlsError.UnrecognizedName, $"there is no certificate for {(ServerName is null ? "clients that ask for no name" : $"'{ServerName}'")}");
        }
        if (hello.ApplicationProtocols.IsEmpty || _options.ApplicationProtocols is not { Count: > 0 } protocols)
        {
            return SmTlsError.None;
        }
        foreach (SslApplicationProtocol protocol in protocols)
        {
            if (ApplicationProtocol == default && hello.ApplicationProtocols.Contains(protocol.Protocol.Span))
            {
                ApplicationProtocol = protocol;
            }
        }
        return ApplicationProtocol == default
            ? Refuse(SmTlsError.NoCommonApplicationProtocol, $"the client offers none of the application protocols {string.Join(", ", protocols)}")
            : SmTlsError.None;
    }

    private SmTlsError Retry(ClientHello hello, HandshakeMessage message, bool hasShare)
    {
        HashUnchangeable(hello, _firstHello);
        _firstHelloHadPsk = hello.PreSharedKeys.Count > 0;
        _retryGroup = hasShare ? NamedGroup.None : Group;
        _cookie = AlwaysSendsCookie ? RandomNumberGenerator.GetBytes(CookieLength) : [];
        _skipsEarlyData = hello.Extensions.Contains(ExtensionType.EarlyData);
        _state = State.SecondClientHello;
        if (HasPartialMessage)
        {
            return Refuse(SmTlsError.UnexpectedMessage, "a message right behind the hello");
        }
        Transcript.Append(message.Bytes);
        Transcript.ReplaceByMessageHash();
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.ServerHello))
        {
            ServerHello.WriteFields(Flight, ProtocolVersions.Tls12, ServerHello.HelloRetryRequestRandom, hello.SessionId, CipherSuite);
            using (Flight.Vector16())
            {
                TlsExtensions.WriteSelectedVersion(Flight, ProtocolVersions.Tls13);
                if (_retryGroup != NamedGroup.None)
                {
                    TlsExtensions.WriteRetryGroup(Flight, _retryGroup);
                }
                if (_cookie.Length > 0)
                {
                    TlsExtensions.WriteCookie(Flight, _cookie);
                }
            }
        }
        EndMessage(start);
        SendFlight();
        SendCompatibilityMessage(hello.SessionId);
        return SmTlsError.None;
    }

    /// <summary>A second hello may differ from the first in key_share, cookie, early_data, pre_shared_key and padding, and in nothing else (RFC 8446 section 4.1.2).</summary>
    private SmTlsError CheckSecondHello(ClientHello hello)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        HashUnchangeable(hello, hash);
        if (!hash.SequenceEqual(_firstHello) || (hello.PreSharedKeys.Count > 0 && !_firstHelloHadPsk))
        {
            return Refuse(SmTlsError.IllegalParameter, "the second hello differs from the first where it may not");
        }
        if (hello.Extensions.Contains(ExtensionType.EarlyData))
        {
            return Refuse(SmTlsError.IllegalParameter, "the second hello offers early data");
        }
        if (_cookie.Length > 0 && hello.Cookie.IsEmpty)
        {
            return Refuse(SmTlsError.MissingExtension, "the second hello does not repeat the cookie");
        }
        if (!CryptographicOperations.FixedTimeEquals(hello.Cookie, _cookie))
        {
            return Refuse(SmTlsError.IllegalParameter, "the second hello has another cookie than it was given");
        }
        int count = 0;
        foreach (KeyShareEntry _ in hello.KeyShares)
        {
            count++;
        }
        return !hello.KeyShares.TryGet(Group, out _) || (_retryGroup != NamedGroup.None && count != 1)
            ? Refuse(SmTlsError.IllegalParameter, $"the second hello does not bring the one share of {Group} that it was asked for")
            : SmTlsError.None;
    }

    private static void HashUnchangeable(ClientHello hello, Span<byte> destination)
    {
        using Sm3Hash hash = new();
        hash.AppendData(hello.Random);
        hash.AppendData([(byte)hello.SessionId.Length]);
        hash.AppendData(hello.SessionId);
        hash.AppendData([(byte)(hello.CipherSuites.Bytes.Length >> 8), (byte)hello.CipherSuites.Bytes.Length]);
        hash.AppendData(hello.CipherSuites.Bytes);
        foreach (Extension extension in hello.Extensions)
        {
            if (extension.Type is ExtensionType.KeyShare or ExtensionType.Cookie or ExtensionType.EarlyData or ExtensionType.PreSharedKey or ExtensionType.Padding)
            {
                continue;
            }
            hash.AppendData([(byte)((ushort)extension.Type >> 8), (byte)extension.Type, (byte)(extension.Body.Length >> 8), (byte)extension.Body.Length]);
            hash.AppendData(extension.Body);
        }
        hash.GetHashAndReset(destination);
    }
}
