using System.Net.Security;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Tickets: what they are bound to, how long they live, and that each is used once.</summary>
public sealed class Tls13ResumptionTests
{
    /// <summary>Each changes one thing between the connection that gives the ticket and the one that shows it; a full handshake follows.</summary>
    public static TheoryData<string> Changes =>
    [
        "server's ticket keys", "server's certificate", "suite", "application protocol", "client certificates asked for", "ticket expired", "session expired", "keys forgotten",
        "server does not resume", "client's chain forgotten", "client's certificate not trusted any more",
    ];

    [Theory]
    [MemberData(nameof(Changes))]
    public void Ticket_made_under_other_terms_gives_a_full_handshake(string what)
    {
        Tls13Setup setup = new();
        bool isMutual = what.StartsWith("client's", StringComparison.Ordinal);
        setup.ServerOptions.ClientCertificateMode = isMutual ? SmClientCertificateMode.Request : SmClientCertificateMode.None;
        setup.ClientOptions.ClientCredential = isMutual ? Tls13Setup.ClientCredential : null;
        setup.Connect().Dispose();
        switch (what)
        {
            case "server's ticket keys":
                setup.ServerOptions.TicketKeys = new SmTicketKeys();
                break;
            case "server's certificate":
                Sm2 key = Sm2.Create();
                SmCertificate other = Tls13Setup.Pki.Ca.Issue(Tls13Setup.Pki.Subject, key, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)).For(TestPki.Host));
                setup.ServerOptions.Credential = new SmSslCredential([other, Tls13Setup.Pki.Ca.Certificate], key);
                break;
            case "suite":
                setup.ServerOptions.CipherSuites = [SmCipherSuite.TlsSm4CcmSm3];
                break;
            case "application protocol":
                setup.ServerOptions.ApplicationProtocols = [SslApplicationProtocol.Http2];
                break;
            case "client certificates asked for":
                setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Request;
                break;
            case "ticket expired":
                setup.Time.Now += setup.ServerOptions.TicketKeys!.TicketLifetime;
                break;
            case "session expired":
                // Resumed again and again within the ticket's life, the session still ends a day after the certificates were shown.
                DateTimeOffset end = setup.Time.Now + setup.ServerOptions.TicketKeys!.SessionLifetime;
                while (setup.Time.Now + TimeSpan.FromHours(1) < end)
                {
                    setup.Time.Now += TimeSpan.FromHours(1);
                    using EnginePair between = setup.Connect();
                    Assert.True(between.Client.Engine.IsResumed);
                }
                setup.Time.Now = end;
                break;
            case "keys forgotten":
                setup.ServerOptions.TicketKeys!.Forget();
                break;
            case "server does not resume":
                setup.ServerOptions.AllowResumption = false;
                break;
            case "client's chain forgotten":
                setup.ServerOptions.TicketKeys!.RememberChain(new byte[32], [[1]]);
                setup.ServerOptions.TicketKeys = Small(setup.ServerOptions.TicketKeys);
                setup.ClientOptions.Tickets!.Clear();
                setup.Connect().Dispose();
                setup.ServerOptions.TicketKeys.RememberChain(new byte[32], [[1]]);
                break;
            default:
                setup.ServerOptions.Trust = new SmTrustStore([]);
                setup.ServerOptions.RemoteCertificateValidationCallback = _ => false;
                using (EnginePair refused = setup.NewPair().Handshake())
                {
                    // Not resumed, and refused when the client shows it again.
                    Assert.Equal(SmTlsError.UnknownCa, refused.Server.Error);
                    Assert.False(refused.Client.Engine.IsResumed);
                }
                return;
        }
        bool isShown = false;
        using EnginePair pair = setup.NewPair((fromClient, record) =>
        {
            if (fromClient && record[0] == (byte)RecordType.Handshake && record[5] == (byte)HandshakeType.ClientHello)
            {
                ClientHello.Read(record.AsSpan(9), out ClientHello hello);
                isShown |= hello.PreSharedKeys.Count == 1;
            }
            return [record];
        }).Handshake();
        Assert.True(pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        Assert.False(pair.Client.Engine.IsResumed || pair.Server.Engine.IsResumed);
        Assert.Equal(what is not ("ticket expired" or "session expired"), isShown);

        static SmTicketKeys Small(SmTicketKeys before)
        {
            before.Dispose();
            return new SmTicketKeys(maxClientChains: 1);
        }
    }

    /// <summary>Settings of the client that keep it from showing a ticket at all.</summary>
    [Theory]
    [InlineData("host")]
    [InlineData("suites")]
    [InlineData("protocols")]
    [InlineData("credential")]
    [InlineData("trust")]
    [InlineData("peer")]
    [InlineData("off")]
    public void Client_shows_a_ticket_under_the_same_settings_only(string what)
    {
        Tls13Setup setup = new();
        setup.Connect().Dispose();
        Assert.Equal(1, setup.ClientOptions.Tickets!.Count);
        SmCertificate two = Tls13Setup.Pki.Ca.Issue(Tls13Setup.Pki.Subject, Tls13Setup.Pki.SignKey, SmCertificateProfile.Sign(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(9)).For(TestPki.Host, "two.example.cn"));
        switch (what)
        {
            case "host":
                setup.ServerOptions.Credential = new SmSslCredential([two, Tls13Setup.Pki.Ca.Certificate], Tls13Setup.Pki.SignKey);
                setup.ClientOptions.TargetHost = "two.example.cn";
                break;
            case "suites":
                setup.ClientOptions.CipherSuites = [SmCipherSuite.TlsSm4GcmSm3];
                break;
            case "protocols":
                setup.ClientOptions.ApplicationProtocols = [SslApplicationProtocol.Http11];
                break;
            case "credential":
                setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
                break;
            case "trust":
                setup.ClientOptions.Trust = new SmTrustStore([Tls13Setup.Pki.Root.Certificate, Tls13Setup.Pki.Ca.Certificate]);
                break;
            case "peer":
                setup.ClientOptions.PeerName = "two.example.cn:8443";
                break;
            default:
                setup.ClientOptions.AllowResumption = false;
                break;
        }
        using EnginePair pair = setup.Connect();
        Assert.False(pair.Client.Engine.IsResumed);
        Assert.Equal(what == "off" ? 1 : 2, setup.ClientOptions.Tickets.Count);
    }

    [Fact]
    public void Each_ticket_is_shown_once_even_when_the_handshake_fails()
    {
        Tls13Setup setup = new();
        setup.Connect().Dispose();
        using (EnginePair broken = setup.NewPair((fromClient, record) => fromClient ? [record] : []).Handshake())
        {
            Assert.False(broken.Client.Engine.IsHandshakeComplete);
        }
        Assert.Equal(0, setup.ClientOptions.Tickets!.Count);
        using EnginePair pair = setup.Connect();
        Assert.False(pair.Client.Engine.IsResumed);
    }

    [Fact]
    public void Several_tickets_carry_several_connections()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.TicketKeys = new SmTicketKeys { TicketsPerConnection = 3 };
        setup.Connect().Dispose();
        Assert.Equal(3, setup.ClientOptions.Tickets!.Count);
        for (int left = 3; left > 0; left--)
        {
            using EnginePair pair = setup.Connect();
            Assert.True(pair.Client.Engine.IsResumed);
        }
        // Four are kept, however many came.
        Assert.Equal(4, setup.ClientOptions.Tickets.Count);
    }

    [Fact]
    public void Ticket_whose_server_chain_has_expired_meanwhile_is_not_shown()
    {
        Tls13Setup setup = new();
        setup.ServerOptions.TicketKeys = new SmTicketKeys { TicketLifetime = TimeSpan.FromDays(7), SessionLifetime = TimeSpan.FromDays(7) };
        setup.Time.Now = Tls13Setup.Pki.Sign.NotAfter.AddHours(-1);
        setup.Connect().Dispose();
        setup.Time.Now = Tls13Setup.Pki.Sign.NotAfter.AddHours(1);
        using EnginePair pair = setup.NewPair().Handshake();
        Assert.False(pair.Client.Engine.IsResumed);
        Assert.Equal(SmTlsError.CertificateExpired, pair.Client.Error);
    }

    [Fact]
    public void Application_is_asked_again_at_a_resumption()
    {
        Tls13Setup setup = new();
        int asked = 0;
        bool answer = true;
        setup.ClientOptions.RemoteCertificateValidationCallback = result =>
        {
            asked++;
            Assert.True(result.IsValid);
            return answer;
        };
        setup.Connect().Dispose();
        setup.Connect().Dispose();
        Assert.Equal(2, asked);
        answer = false;
        using EnginePair pair = setup.NewPair().Handshake();
        Assert.Equal((3, SmTlsError.CertificateUnknown), (asked, pair.Client.Error));
        Assert.False(pair.Server.Engine.IsHandshakeComplete);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-20)]
    public void Wrong_binder_is_refused(int at)
    {
        Tls13Setup setup = new();
        setup.Connect().Dispose();
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (record.Message == HandshakeType.ClientHello)
            {
                record.Content[record.Content.Length + at] ^= 1;
            }
            return [record];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.BadBinder, pair.Server.Error);
        Assert.Equal(AlertDescription.DecryptError, pair.Client.Engine.Failure!.Alert);
    }

    [Fact]
    public void Binder_covers_the_whole_hello()
    {
        Tls13Setup setup = new();
        setup.Connect().Dispose();
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (record.Message == HandshakeType.ClientHello)
            {
                record.Content[10] ^= 1;
            }
            return [record];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.BadBinder, pair.Server.Error);
    }

    [Fact]
    public void Changed_ticket_gives_a_full_handshake_to_nobody_but_is_no_error_of_the_server()
    {
        using SmTicketKeys keys = new();
        using Tls13Session session = Session();
        byte[] ticket = keys.Seal(session, TestPki.Now)!;
        for (int i = 0; i < ticket.Length; i++)
        {
            ticket[i] ^= 1;
            Assert.Null(keys.Open(ticket, TestPki.Now));
            ticket[i] ^= 1;
        }
        Assert.Null(keys.Open(ticket.AsSpan(1), TestPki.Now));
        using Tls13Session opened = keys.Open(ticket, TestPki.Now)!;
        Assert.Equal(session.Psk, opened.Psk);
    }

    [Fact]
    public void Keys_change_with_time_and_old_ones_go()
    {
        using SmTicketKeys keys = new();
        using Tls13Session session = Session();
        DateTimeOffset now = TestPki.Now;
        byte[] first = keys.Seal(session, now)!, same = keys.Seal(session, now.AddMinutes(59))!;
        byte[] next = keys.Seal(session, now.AddMinutes(61))!;
        Assert.Equal(first[..16], same[..16]);
        Assert.NotEqual(first[16..28], same[16..28]);
        Assert.NotEqual(first[..16], next[..16]);
        Assert.Equal(2, keys.KeyCount);
        Assert.NotNull(keys.Open(first, now.AddMinutes(119)));
        Assert.Null(keys.Open(first, now.AddHours(3)));
        Assert.Equal(1, keys.KeyCount);
        keys.Dispose();
        Assert.Equal(0, keys.KeyCount);
        Assert.Null(keys.Seal(session, now));
        Assert.Null(keys.Open(next, now.AddMinutes(61)));
    }

    [Fact]
    public void Store_is_bounded_and_forgets_the_oldest()
    {
        using SmTicketStore store = new(capacity: 2, ticketsPerPeer: 2);
        Tls13Ticket[] a = [.. Enumerable.Range(0, 3).Select(_ => Ticket())];
        foreach (Tls13Ticket ticket in a)
        {
            store.Add("a", ticket);
        }
        Assert.Equal(2, store.Count);
        Assert.True(IsZero(a[0]));
        Assert.Same(a[2], store.Take("a", TestPki.Now));
        store.Add("b", Ticket());
        store.Add("c", Ticket());
        Assert.True(IsZero(a[1]));
        Assert.Null(store.Take("a", TestPki.Now));
        Assert.Null(store.Take("b", TestPki.Now.AddHours(1)));
        Assert.Equal(1, store.Count);
        store.Dispose();
        Tls13Ticket late = Ticket();
        store.Add("d", late);
        Assert.True(IsZero(late));
        Assert.Equal(0, store.Count);

        static Tls13Ticket Ticket() => new() { Identity = [1], Psk = RandomNumberGenerator.GetBytes(32), AgeAdd = 1, ReceivedAt = TestPki.Now, ExpiresAt = TestPki.Now.AddHours(1), ServerChain = [] };

        static bool IsZero(Tls13Ticket ticket) => !ticket.Psk.AsSpan().ContainsAnyExcept((byte)0);
    }

    [Theory]
    [InlineData(597, 1)]
    [InlineData(4096, 1)]
    [InlineData(4097, 0)]
    [InlineData(16000, 0)]
    public void Long_tickets_are_kept_or_passed_over(int length, int kept)
    {
        Tls13Setup setup = new();
        Tls13Tap tap = new(setup, (fromClient, record) => [record.Message == HandshakeType.NewSessionTicket
            ? TapRecord.Of(HandshakeType.NewSessionTicket, Body(length))
            : record]);
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Null(pair.Client.Engine.Failure);
        Assert.Equal(kept, setup.ClientOptions.Tickets!.Count);
        // The server does not know it, and there is a full handshake.
        using EnginePair next = setup.Connect();
        Assert.False(next.Client.Engine.IsResumed);

        static byte[] Body(int length)
        {
            using TlsWriter writer = new();
            Tls13NewSessionTicket.Write(writer, 7200, 1, [0], new byte[length]);
            return writer.Written.ToArray();
        }
    }

    [Fact]
    public void Tickets_without_end_are_refused()
    {
        Tls13Setup setup = new();
        Tls13Tap tap = new(setup, (fromClient, record) => record.Message == HandshakeType.NewSessionTicket ? Enumerable.Repeat(record, 40) : [record]);
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.TooManyMessages, pair.Client.Error);
        Assert.True(setup.ClientOptions.Tickets!.Count <= 4);
    }

    [Fact]
    public void Session_ends_though_its_ticket_is_young()
    {
        using SmTicketKeys keys = new() { SessionLifetime = TimeSpan.FromHours(5) };
        using Tls13Session session = Session(TestPki.Now.AddHours(-4));
        byte[] ticket = keys.Seal(session, TestPki.Now)!;
        Assert.NotNull(keys.Open(ticket, TestPki.Now.AddMinutes(59)));
        Assert.Null(keys.Open(ticket, TestPki.Now.AddMinutes(60)));
    }

    private static Tls13Session Session(DateTimeOffset? authenticatedAt = null) => new()
    {
        IssuedAt = TestPki.Now,
        AuthenticatedAt = authenticatedAt ?? TestPki.Now,
        Psk = RandomNumberGenerator.GetBytes(32),
        Binding = RandomNumberGenerator.GetBytes(32),
        ClientChain = new byte[32],
    };
}
