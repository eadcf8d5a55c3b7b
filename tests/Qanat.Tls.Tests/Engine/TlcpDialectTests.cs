using System.Net.Security;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>The forms that peers write TLCP in: a server takes all of them, a client learns its server's by what fails.</summary>
public sealed class TlcpDialectTests
{
    private const string Peer = "www.example.cn:443";

    public static TheoryData<SmCipherSuite, ClientKeyExchangeDialect, TlcpCertificateVerifyDialect, TlcpClientCertificatesDialect> Forms
    {
        get
        {
            TheoryData<SmCipherSuite, ClientKeyExchangeDialect, TlcpCertificateVerifyDialect, TlcpClientCertificatesDialect> forms = [];
            foreach (TlcpCertificateVerifyDialect verify in Enum.GetValues<TlcpCertificateVerifyDialect>())
            {
                forms.Add(SmCipherSuite.EcdheSm4GcmSm3, ClientKeyExchangeDialect.WithLength, verify, TlcpClientCertificatesDialect.Pair);
                forms.Add(SmCipherSuite.EcdheSm4CbcSm3, ClientKeyExchangeDialect.WithoutLength, verify, TlcpClientCertificatesDialect.Pair);
                forms.Add(SmCipherSuite.EccSm4GcmSm3, ClientKeyExchangeDialect.None, verify, TlcpClientCertificatesDialect.Pair);
                forms.Add(SmCipherSuite.EccSm4CbcSm3, ClientKeyExchangeDialect.None, verify, TlcpClientCertificatesDialect.One);
            }
            return forms;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    [Trait("Kind", "Unit")]
    public void A_server_takes_every_form_and_says_which_it_was(
        SmCipherSuite suite, ClientKeyExchangeDialect exchange, TlcpCertificateVerifyDialect verify, TlcpClientCertificatesDialect certificates)
    {
        foreach (bool isMinimal in (bool[])[false, true])
        {
            SmTlcpDialect dialect = new() { ClientKeyExchange = exchange, CertificateVerify = verify, ClientCertificates = certificates, IsHelloMinimal = isMinimal };
            SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
            client.ClientCredential = TlcpWorld.ClientCredential;
            client.ApplicationProtocols = [SslApplicationProtocol.Http2];
            client.TlcpDialect = dialect;
            using EnginePump pump = TlcpWorld.Pump(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Require, suite)).RunToCompletion();
            Assert.Equal(dialect, ((TlcpServerEngine)pump.Server).Dialect);
            Assert.Equal(dialect, ((TlcpClientEngine)pump.Client).Dialect);
            Assert.Equal(isMinimal ? null : TlcpWorld.Host, pump.Server.ServerName);
            Assert.Equal(exchange switch { ClientKeyExchangeDialect.WithLength => 71, ClientKeyExchangeDialect.WithoutLength => 69, _ => 0 }, suite.IsEcdhe() ? pump.Log.First(r => Is(r.Record, HandshakeType.ClientKeyExchange)).Record.Length - 9 : 0);
            TlcpHandshakeTests.Exchange(pump);
        }
    }

    /// <summary>Servers of the research: what they want of a mutual handshake.</summary>
    public static TheoryData<string, SmCipherSuite, int> Servers => new()
    {
        { "standard", SmCipherSuite.EcdheSm4GcmSm3, 1 },
        { "standard", SmCipherSuite.EccSm4GcmSm3, 1 },
        { "no length", SmCipherSuite.EcdheSm4CbcSm3, 2 },
        { "no length", SmCipherSuite.EccSm4CbcSm3, 1 },
        { "raw and single", SmCipherSuite.EcdheSm4GcmSm3, 4 },
        { "raw and single", SmCipherSuite.EccSm4GcmSm3, 3 },
    };

    [Theory]
    [MemberData(nameof(Servers))]
    [Trait("Kind", "Unit")]
    public void A_client_finds_the_form_of_its_server_by_failing_and_keeps_it(string kind, SmCipherSuite suite, int attempts)
    {
        SmPeerDialects dialects = new();
        for (int attempt = 1; attempt <= attempts + 3; attempt++)
        {
            using EnginePump pump = Connect(dialects, suite, server => Refuses(kind, server));
            Assert.Equal(attempt >= attempts, pump.Client.IsHandshakeComplete && pump.Client.Failure is null);
        }
        Assert.Equal(attempts == 1 ? 0 : 1, dialects.Count);
        SmTlcpDialect learned = dialects.Get(Peer, suite.IsEcdhe());
        Assert.Equal(kind == "raw and single", learned.IsHelloMinimal);
        Assert.Equal(kind == "no length" && suite.IsEcdhe() ? ClientKeyExchangeDialect.WithoutLength : ClientKeyExchangeDialect.WithLength, learned.ClientKeyExchange);
        // Another server is another matter.
        Assert.Equal(SmTlcpDialect.Standard, dialects.Get("other.example.cn:443", suite.IsEcdhe()));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void What_the_client_itself_refuses_teaches_nothing()
    {
        SmPeerDialects dialects = new();
        using EnginePump pump = Connect(dialects, SmCipherSuite.EcdheSm4GcmSm3, _ => null, client => client.Trust = TlcpWorld.OtherTrust);
        Assert.Equal(SmTlsError.UnknownCa, pump.Client.Failure!.Error);
        Assert.Equal(0, dialects.Count);
        // Nor does an end in the middle of the server's flight.
        using EnginePump cut = Connect(dialects, SmCipherSuite.EcdheSm4GcmSm3, index => index == 2 ? SmTlsError.Truncated : null);
        Assert.Equal(SmTlsError.Truncated, cut.Client.Failure!.Error);
        Assert.Equal(0, dialects.Count);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_form_that_worked_is_doubted_only_after_three_failures()
    {
        SmPeerDialects dialects = new();
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        dialects.ExchangeWorked(Peer, isEcdhe: true);
        SmTlcpDialect learned = dialects.Get(Peer, isEcdhe: true);
        Assert.Equal(ClientKeyExchangeDialect.WithoutLength, learned.ClientKeyExchange);
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        Assert.Equal(learned, dialects.Get(Peer, isEcdhe: true));
        dialects.ExchangeWorked(Peer, isEcdhe: true);
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        Assert.Equal(learned, dialects.Get(Peer, isEcdhe: true));
        dialects.ExchangeFailed(Peer, isEcdhe: true);
        Assert.NotEqual(learned, dialects.Get(Peer, isEcdhe: true));
        // The four forms come round again.
        Assert.Equal(4, Enumerable.Range(0, 4).Select(_ =>
        {
            dialects.ExchangeFailed(Peer, isEcdhe: true);
            return dialects.Get(Peer, isEcdhe: true);
        }).Distinct().Count());
        Assert.Equal(SmTlcpDialect.Standard, dialects.Get(Peer, isEcdhe: false));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void The_store_is_bounded_and_forgets_the_one_not_asked_for_longest()
    {
        SmPeerDialects dialects = new(capacity: 3);
        foreach (string peer in (string[])["a", "b", "c"])
        {
            dialects.HelloFailed(peer);
        }
        dialects.Get("A", isEcdhe: true);
        dialects.HelloFailed("d");
        Assert.Equal(3, dialects.Count);
        Assert.False(dialects.Get("b", isEcdhe: true).IsHelloMinimal);
        Assert.True(dialects.Get("a", isEcdhe: true).IsHelloMinimal);
        dialects.Clear();
        Assert.Equal(0, dialects.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmPeerDialects(0));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public async Task Many_threads_may_learn_at_once()
    {
        SmPeerDialects dialects = new(capacity: 16);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                string peer = $"{(i * 7 + thread) % 40}";
                dialects.Get(peer, isEcdhe: true);
                dialects.ExchangeFailed(peer, isEcdhe: true);
                dialects.HelloFailed(peer);
                dialects.ExchangeWorked(peer, isEcdhe: true);
            }
        })));
        Assert.Equal(16, dialects.Count);
    }

    /// <summary>A server that closes without a word where its program does; null for the forms it takes.</summary>
    private static Func<int, byte[], bool> Refuses(string kind, EnginePump pump) => (_, record) => kind switch
    {
        "no length" => Is(record, HandshakeType.ClientKeyExchange) && pump.Client.CipherSuite.IsEcdhe() && record.Length - 9 != 69,
        "raw and single" =>
            (Is(record, HandshakeType.ClientHello) && record.Length - 9 > 2 + 32 + 1 + 2 + 2 + 2)
            || (Is(record, HandshakeType.Certificate) && !pump.Client.CipherSuite.IsEcdhe() && Certificates(record) != 2)
            || (Is(record, HandshakeType.CertificateVerify) && ((TlcpClientEngine)pump.Client).Dialect.CertificateVerify != TlcpCertificateVerifyDialect.RawTranscript),
        _ => false,
    };

    private static int Certificates(byte[] record)
    {
        Assert.Equal(SmTlsError.None, CertificateList.ReadTlcp(record.AsSpan(9), out CertificateList list));
        return list.Count;
    }

    private static bool Is(byte[] record, HandshakeType type) => record[0] == (byte)RecordType.Handshake && record[RecordHeader.Size] == (byte)type;

    private static EnginePump Connect(SmPeerDialects dialects, SmCipherSuite suite, Func<EnginePump, Func<int, byte[], bool>> refuses)
    {
        EnginePump pump = Create(dialects, suite, _ => { });
        Func<int, byte[], bool> isRefused = refuses(pump);
        bool isOver = false;
        pump.OnWire = (fromServer, record) =>
        {
            isOver |= !fromServer && isRefused(0, record);
            return isOver ? [] : record;
        };
        pump.Run();
        if (isOver)
        {
            pump.Client.Fail(SmTlsError.Truncated, "the server closed without a word");
        }
        return pump;
    }

    /// <summary>Connects; after a record of the server the transport may end.</summary>
    private static EnginePump Connect(SmPeerDialects dialects, SmCipherSuite suite, Func<int, SmTlsError?> end, Action<SmSslClientAuthenticationOptions>? change = null)
    {
        EnginePump pump = Create(dialects, suite, change ?? (_ => { }));
        int sent = 0;
        bool isOver = false;
        pump.OnWire = (fromServer, record) =>
        {
            isOver |= fromServer && end(sent++) is not null;
            return isOver ? [] : record;
        };
        pump.Run();
        if (isOver)
        {
            pump.Client.Fail(SmTlsError.Truncated, "the transport ended");
        }
        return pump;
    }

    private static EnginePump Create(SmPeerDialects dialects, SmCipherSuite suite, Action<SmSslClientAuthenticationOptions> change)
    {
        SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
        client.ClientCredential = TlcpWorld.ClientCredential;
        (client.PeerDialects, client.PeerName) = (dialects, Peer);
        change(client);
        return TlcpWorld.Pump(client, TlcpWorld.ServerOptions(SmClientCertificateMode.Require, suite));
    }
}
