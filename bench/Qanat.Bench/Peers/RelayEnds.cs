using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Qanat.Bench.Load;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Peers;

/// <param name="Relay">Address and port of strelaysrv.</param>
/// <param name="Own">PEM file with certificate and key of this end.</param>
/// <param name="Peer">Certificate file of the other end.</param>
public sealed record RelayArguments(string Relay, string Own, string Peer, long Bytes = 0, BulkDirection Direction = BulkDirection.Down);

/// <summary>The end at B: joins the relay and serves the bulk protocol over mutual TLS on each session it is invited to. One blocking thread for each.</summary>
public sealed class RelayListener : IWorkerService
{
    private readonly SslStream _control;
    private readonly RelayArguments _arguments;
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2 _peer;

    private RelayListener(SslStream control, RelayArguments arguments, X509Certificate2 own)
    {
        (_control, _arguments, _own) = (control, arguments, own);
        _peer = X509CertificateLoader.LoadCertificateFromFile(arguments.Peer);
        new Thread(InviteLoop) { IsBackground = true, Name = "relay invitations" }.Start();
    }

    public int Port => 0;

    public int Count => 0;

    public static RelayListener Start(RelayArguments arguments)
    {
        X509Certificate2 own = BenchCertificate.Load(arguments.Own);
        SslStream control = RelayProtocol.Control(IPEndPoint.Parse(arguments.Relay), own);
        RelayProtocol.Join(control);
        return new RelayListener(control, arguments, own);
    }

    public void Dispose() => _control.Dispose();

    private void InviteLoop()
    {
        try
        {
            while (true)
            {
                RelayProtocol.Invitation invitation = RelayProtocol.NextInvitation(_control);
                new Thread(() => Serve(invitation)) { IsBackground = true, Name = "relay session" }.Start();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Released, or the relay stopped.
        }
    }

    private void Serve(RelayProtocol.Invitation invitation)
    {
        try
        {
            NetworkStream raw = RelayProtocol.JoinSession(IPEndPoint.Parse(_arguments.Relay), invitation);
            raw.ReadTimeout = 5000;
            using SslStream tls = new(raw);
            tls.AuthenticateAsServer(BenchCertificate.ServerOptions(_own, _peer));
            raw.ReadTimeout = Timeout.Infinite;
            BulkProtocol.ServeAsync(tls, sync: true).GetAwaiter().GetResult();
        }
        catch (IOException)
        {
            // The client's end reports what went wrong.
        }
    }
}

/// <summary>The end at A: one session for one transfer, as a relay without a mux has it. Set-up is not part of the time.</summary>
public static class RelayBulk
{
    public static Task<BulkResult> RunAsync(RelayArguments arguments) => Task.Factory.StartNew(() => Run(arguments), TaskCreationOptions.LongRunning);

    private static BulkResult Run(RelayArguments arguments)
    {
        IPEndPoint relay = IPEndPoint.Parse(arguments.Relay);
        using X509Certificate2 own = BenchCertificate.Load(arguments.Own);
        using X509Certificate2 peer = X509CertificateLoader.LoadCertificateFromFile(arguments.Peer);
        using SslStream tls = OpenSession(relay, own, peer);
        long start = Stopwatch.GetTimestamp();
        bool right = BulkProtocol.TransferAsync(tls, arguments.Direction, arguments.Bytes, sync: true).GetAwaiter().GetResult();
        return right
            ? new BulkResult(arguments.Bytes, Stopwatch.GetElapsedTime(start).TotalSeconds, [arguments.Bytes], 0)
            : throw new InvalidDataException("wrong or missing bytes");
    }

    private static SslStream OpenSession(IPEndPoint relay, X509Certificate2 own, X509Certificate2 peer)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                RelayProtocol.Invitation invitation;
                using (SslStream control = RelayProtocol.Control(relay, own))
                {
                    invitation = RelayProtocol.Connect(control, RelayProtocol.DeviceId(peer));
                }
                NetworkStream raw = RelayProtocol.JoinSession(relay, invitation);
                raw.ReadTimeout = 2000; // The other end may have been refused; then nobody answers here.
                SslStream tls = new(raw);
                tls.AuthenticateAsClient(BenchCertificate.ClientOptions(own, peer));
                raw.ReadTimeout = Timeout.Infinite;
                return tls;
            }
            catch (IOException) when (attempt < 10)
            {
                Thread.Sleep(50);
            }
        }
    }
}
