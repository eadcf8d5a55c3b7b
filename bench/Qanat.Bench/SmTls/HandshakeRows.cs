using Qanat.Bench.Gm;
using Qanat.Tls;

namespace Qanat.Bench.SmTls;

/// <summary>Full handshakes, both sides on one core: cold, and with the cache of verified chains at both ends.</summary>
internal sealed class HandshakeRows : IGmTopic
{
    /// <summary>Measured once with gotlcp 1.4.1 on another machine of this class (TLCP ECC one-way).</summary>
    private const double Gotlcp = 1519;

    public string Name => "handshakes";

    public IReadOnlyList<GmMetric> Metrics()
    {
        Contender oneWay = BouncyCastle(isMutual: false), mutual = BouncyCastle(isMutual: true), hybrid = BouncyCastle(isMutual: false, BouncyCastleTls.NamedGroupHybrid);
        SmCipherSuite ecc = SmCipherSuite.EccSm4GcmSm3, ecdhe = SmCipherSuite.EcdheSm4GcmSm3, tls13 = SmCipherSuite.TlsSm4GcmSm3;
        return
        [
            Metric("TLCP ECC, one-way, cold", ecc, false, false, Recorded(Gotlcp, 1, 2)),
            Metric("TLCP ECC, one-way, cached chain", ecc, false, true, Recorded(Gotlcp, 2, null), Against.Value("8,000/s", 8000, goal: 1)),
            Metric("TLCP ECC, mutual, cold", ecc, true, false, Recorded(1178, null, null)),
            Metric("TLCP ECC, mutual, cached chain", ecc, true, true, Recorded(1178, null, null)),
            Metric("TLCP ECDHE, mutual, cold", ecdhe, true, false, Recorded(895, null, null)),
            Metric("TLCP ECDHE, mutual, cached chain", ecdhe, true, true, Recorded(895, null, null)),
            Metric("TLS 1.3-SM, one-way, cold", tls13, false, false, new Against(oneWay, 2.5, 6), Recorded(Gotlcp, 1, 2)),
            Metric("TLS 1.3-SM, one-way, cached chain", tls13, false, true, new Against(oneWay, 2.5, 6), Recorded(Gotlcp, 2, null), Against.Value("8,000/s", 8000, goal: 1)),
            Metric("TLS 1.3-SM, mutual, cold", tls13, true, false, new Against(mutual)),
            Metric("TLS 1.3-SM, mutual, cached chain", tls13, true, true, new Against(mutual)),
            Metric("TLS 1.3-SM, hybrid 4590, cold", tls13, false, false, NamedGroup.CurveSm2MlKem768, new Against(hybrid)),
            Metric("TLS 1.3-SM, hybrid 4590, cached chain", tls13, false, true, NamedGroup.CurveSm2MlKem768, new Against(hybrid)),
        ];
    }

    public void Dispose()
    {
    }

    private static Against Recorded(double rate, double? floor, double? goal) => Against.Value($"gotlcp 1.4.1, recorded {rate:N0}/s", rate, floor, goal);

    private static GmMetric Metric(string name, SmCipherSuite suite, bool isMutual, bool isCached, params Against[] others) => Metric(name, suite, isMutual, isCached, NamedGroup.CurveSm2, others);

    private static GmMetric Metric(string name, SmCipherSuite suite, bool isMutual, bool isCached, NamedGroup group, params Against[] others)
    {
        EngineLink link = new(TlsWorld.ClientOptions(suite, isMutual, isCached, group), TlsWorld.ServerOptions(suite, isMutual, isCached, group));
        return new GmMetric
        {
            Name = $"handshake {name}",
            Unit = "/s",
            WorkPerCall = 1,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => link.Handshake())),
            Others = others,
            Note = "both sides on one core, in memory",
        };
    }

    private static Contender BouncyCastle(bool isMutual, int group = BouncyCastleTls.NamedGroupCurveSm2) =>
        new(BouncyCastleTls.Name, calls => Repeat(calls, () => new BouncyCastleTls(isMutual, group).Dispose()));

    private static void Repeat(int calls, Action work)
    {
        for (int i = 0; i < calls; i++) work();
    }
}
