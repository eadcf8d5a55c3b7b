using Qanat.Bench.Gm;
using Qanat.Tls;

namespace Qanat.Bench.SmTls;

/// <summary>Resumed handshakes, both sides on one core. TLCP resumes by session id, without any SM2; TLS 1.3 by ticket, with a fresh key exchange (psk_dhe_ke).</summary>
internal sealed class ResumedRows : IGmTopic
{
    public string Name => "resumed";

    public IReadOnlyList<GmMetric> Metrics()
    {
        SmSslClientAuthenticationOptions tlcp = TlsWorld.ClientOptions(SmCipherSuite.EccSm4GcmSm3, isMutual: false, isCached: true), tls13 = TlsWorld.ClientOptions(SmCipherSuite.TlsSm4GcmSm3, isMutual: false, isCached: true);
        SmSslServerAuthenticationOptions tlcpServer = TlsWorld.ServerOptions(SmCipherSuite.EccSm4GcmSm3, isMutual: false, isCached: true), tls13Server = TlsWorld.ServerOptions(SmCipherSuite.TlsSm4GcmSm3, isMutual: false, isCached: true);
        (tlcp.TlcpSessions, tlcpServer.TlcpSessions) = (new SmTlcpSessionCache(), new SmTlcpSessionCache());
        (tls13.Tickets, tls13Server.TicketKeys) = (new SmTicketStore(), new SmTicketKeys());
        return [Metric("TLCP, by session id", tlcp, tlcpServer, "no SM2 at all"), Metric("TLS 1.3-SM, by ticket", tls13, tls13Server, "psk_dhe_ke: a key exchange in each, so that old traffic stays closed")];
    }

    public void Dispose()
    {
    }

    private static GmMetric Metric(string name, SmSslClientAuthenticationOptions client, SmSslServerAuthenticationOptions server, string note)
    {
        EngineLink link = new(client, server);
        link.Handshake();
        return new GmMetric
        {
            Name = $"resumed handshake {name}",
            Unit = "/s",
            WorkPerCall = 1,
            Ours = new Contender("Qanat", calls =>
            {
                for (int i = 0; i < calls; i++) link.Handshake(mustResume: true);
            }),
            Others = [Against.Value("10,000/s", 10_000, floor: 1), Against.Value("50,000/s", 50_000, goal: 1)],
            Note = note,
        };
    }
}
