using Qanat.Bench.Load;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Peers;

/// <summary>No system at all: plain TCP and plain HTTP from A to B.</summary>
public sealed class DirectSystem : PeerSystem
{
    public override string Name => "direct, no encryption";

    public override string BulkEntry => Lab.Address(Lab.B, Lab.BulkPort);

    public override HttpArguments Http => new(Lab.Address(Lab.B, Lab.HttpPort), HttpMode.Origin, "backend", 1, 1);

    protected override Task OnStartAsync() => Task.CompletedTask;
}

/// <summary>
/// Plain HTTPS with <c>Connection: close</c>: haproxy at B ends TLS 1.3 (P-256) and answers by itself, the strongest form of this peer: no second hop
/// to a backend. Optionally through another haproxy at the hub as a TCP relay.
/// </summary>
public sealed class HttpsSystem(bool resumed, bool throughRelay) : PeerSystem
{
    private int _port;
    private Site? _entry;
    private string _certificate = "";

    public override string Name => (resumed, throughRelay) switch
    {
        (false, false) => "HTTPS full handshake",
        (true, false) => "HTTPS resumed",
        (false, true) => "HTTPS full handshake via TCP relay",
        (true, true) => "HTTPS resumed via TCP relay",
    };

    public override HttpArguments Http => new(Lab.Address(_entry!, _port), resumed ? HttpMode.TlsResumed : HttpMode.TlsFull, "backend", 1, 1, Certificate: _certificate);

    protected override async Task OnStartAsync()
    {
        string pem = BenchCertificate.Create(Folder, "backend");
        _certificate = Path.ChangeExtension(pem, ".crt");
        System.IO.File.WriteAllText(File("body"), new string('q', HttpBackend.BodyLength));
        int port = Lab.B.FreePort();
        System.IO.File.WriteAllText(File("server.cfg"), $"""
            global
              maxconn 4000
              log stderr local0 err
            defaults
              mode http
              timeout client 30s
              timeout server 30s
              timeout connect 5s
            frontend service
              bind {Lab.Address(Lab.B, port)} ssl crt {pem} ssl-min-ver TLSv1.3 curves P-256 ciphersuites TLS_AES_128_GCM_SHA256{(resumed ? "" : " no-tls-tickets")}
              http-request return status 200 content-type text/plain file {File("body")}

            """);
        ChildProcess server = Run("server", Lab.B, "haproxy", "-db", "-f", File("server.cfg"));
        await Lab.B.WaitForPortAsync(port, server).ConfigureAwait(false);
        (_entry, _port) = (Lab.B, port);
        if (throughRelay)
        {
            int relayPort = Lab.Hub.FreePort();
            System.IO.File.WriteAllText(File("relay.cfg"), $"""
                global
                  maxconn 4000
                defaults
                  mode tcp
                  timeout client 30s
                  timeout server 30s
                  timeout connect 5s
                listen relay
                  bind {Lab.Address(Lab.Hub, relayPort)}
                  server service {Lab.Address(Lab.B, port)}

                """);
            ChildProcess relay = Run("hub relay", Lab.Hub, "haproxy", "-db", "-f", File("relay.cfg"));
            await Lab.Hub.WaitForPortAsync(relayPort, relay).ConfigureAwait(false);
            (_entry, _port) = (Lab.Hub, relayPort);
        }
        await WaitForHttpAsync().ConfigureAwait(false);
    }
}
