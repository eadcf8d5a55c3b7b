using Qanat.Tls.Engine.Tls13;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>
/// Tickets travel in the clear, so everybody on the way has those of others, without their keys. Nothing may come of showing one: neither the identity in it, now or later, nor a
/// question to the application about that identity (RFC 8446 section 4.2.11: the binder is validated before the pre-shared key is accepted).
/// </summary>
public sealed class StolenTicketTests
{
    [Fact]
    [Trait("Kind", "Unit")]
    public void A_ticket_without_its_key_is_refused_before_anybody_is_asked_about_its_certificates()
    {
        Tls13Setup setup = NewSetup(out List<bool> answers, out Func<int> asked);
        byte[] stolen = ResumeAndSniff(setup);
        int before = asked();
        foreach (bool answer in (bool[])[true, false])
        {
            answers.Add(answer);
            using TicketThief thief = new();
            using Tls13ServerEngine server = setup.NewServer();
            EngineEnd end = new(server);
            end.Feed(thief.Hello(new TicketThief.Ticket(stolen, new byte[32])));
            Assert.Equal(SmTlsError.BadBinder, end.Error);
        }
        Assert.Equal(before, asked());
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_stolen_ticket_beside_an_own_one_does_not_lend_its_identity()
    {
        Tls13Setup setup = NewSetup(out List<bool> answers, out _);
        byte[] stolen = ResumeAndSniff(setup);
        TicketThief.Ticket own = AnonymousTicket(setup);
        // For a moment the victim's certificates are not taken: its revocation list is late, say.
        answers.Add(false);
        using TicketThief thief = new();
        using Tls13ServerEngine server = setup.NewServer();
        EngineEnd end = new(server);
        end.Feed(thief.Hello(new TicketThief.Ticket(stolen, new byte[32]), own));
        if (server.Failure is null)
        {
            end.Feed(thief.Finish(end.Drain(), own.Psk));
            TicketThief.Ticket next = thief.TakeTicket(end.Drain());
            answers.Add(true);
            using TicketThief again = new();
            using Tls13ServerEngine later = setup.NewServer();
            EngineEnd laterEnd = new(later);
            laterEnd.Feed(again.Hello(next));
            laterEnd.Feed(again.Finish(laterEnd.Drain(), next.Psk));
            Assert.Fail($"an anonymous client came in as {later.PeerChain?.SignCertificate?.Subject.ToString() ?? "nobody"}");
        }
        Assert.Equal(SmTlsError.BadBinder, end.Error);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_ticket_that_was_passed_over_leaves_nothing_in_the_next_one()
    {
        Tls13Setup setup = NewSetup(out List<bool> answers, out _);
        TicketThief.Ticket own = AnonymousTicket(setup), certified = CertifiedTicket(setup);
        answers.Add(false);
        using TicketThief client = new();
        using Tls13ServerEngine server = setup.NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(certified, own));
        end.Feed(client.Finish(end.Drain(), own.Psk));
        Assert.Null(server.Failure);
        Assert.True(server.IsResumed);
        Assert.Null(server.PeerChain);
        TicketThief.Ticket next = client.TakeTicket(end.Drain());
        answers.Add(true);
        using TicketThief again = new();
        using Tls13ServerEngine later = setup.NewServer();
        EngineEnd laterEnd = new(later);
        laterEnd.Feed(again.Hello(next));
        laterEnd.Feed(again.Finish(laterEnd.Drain(), next.Psk));
        Assert.True(later.IsHandshakeComplete && later.IsResumed);
        Assert.Null(later.PeerChain);
    }

    /// <summary>A server that asks for client certificates; the callback gives the last of the answers.</summary>
    private static Tls13Setup NewSetup(out List<bool> answers, out Func<int> asked)
    {
        Tls13Setup setup = new();
        List<bool> given = answers = [true];
        int count = 0;
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Request;
        setup.ServerOptions.RemoteCertificateValidationCallback = _ =>
        {
            count++;
            return given[^1];
        };
        asked = () => count;
        return setup;
    }

    /// <summary>The victim connects, comes back, and its second hello is seen on the way.</summary>
    private static byte[] ResumeAndSniff(Tls13Setup setup)
    {
        setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
        setup.Connect().Dispose();
        byte[]? hello = null;
        using EnginePair pair = setup.NewPair((fromClient, record) =>
        {
            hello ??= record;
            return [record];
        }).Handshake();
        Assert.True(pair.Server.Engine.IsResumed);
        Assert.Equal(Tls13Setup.ClientCredential.SignCertificate, pair.Server.Engine.PeerChain!.SignCertificate);
        return TicketThief.Sniff(hello!);
    }

    private static TicketThief.Ticket AnonymousTicket(Tls13Setup setup)
    {
        using TicketThief client = new();
        using Tls13ServerEngine server = setup.NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello());
        end.Feed(client.Finish(end.Drain(), []));
        Assert.Null(server.Failure);
        Assert.Null(server.PeerChain);
        return client.TakeTicket(end.Drain());
    }

    // The key of a ticket of our own client, which keeps both.
    private static TicketThief.Ticket CertifiedTicket(Tls13Setup setup)
    {
        byte[] identity = ResumeAndSniff(setup);
        Tls13Session session = setup.ServerOptions.TicketKeys!.Open(identity, setup.Time.Now)!;
        return new TicketThief.Ticket(identity, session.Psk);
    }
}
