using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Nerdbank.Streams;
using Qanat.Bench.Load;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Peers;

/// <param name="Target">Address of the listener, for the client.</param>
/// <param name="Own">PEM file with certificate and key of this end.</param>
/// <param name="Peer">Certificate file of the other end.</param>
public sealed record NerdbankArguments(string Own, string Peer, string? Target = null);

public sealed record NerdbankCall(int Handle, long Bytes = 0, int Clients = 1, double Seconds = 1);

/// <summary>Serves Nerdbank.Streams v3 channels over mutual TLS: each channel carries one bulk request, or one byte that is echoed.</summary>
public sealed class NerdbankListener : IWorkerService
{
    /// <summary>Channel names say what a channel is for.</summary>
    public const string BulkChannel = "b";
    public const string EchoChannel = "e";

    private readonly TcpListener _listener = new(IPAddress.Any, 0);
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2 _peer;

    public NerdbankListener(NerdbankArguments arguments)
    {
        _own = BenchCertificate.Load(arguments.Own);
        _peer = X509CertificateLoader.LoadCertificateFromFile(arguments.Peer);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Count => 0;

    /// <summary>Suspended: nothing is received before the handler of offers is there.</summary>
    public static MultiplexingStream.Options Options() => new() { ProtocolMajorVersion = 3, StartSuspended = true };

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync().ConfigureAwait(false);
                socket.NoDelay = true;
                SslStream tls = await BenchCertificate.ServerAsync(new NetworkStream(socket, ownsSocket: true), _own, _peer).ConfigureAwait(false);
                MultiplexingStream mux = MultiplexingStream.Create(tls, Options());
                mux.ChannelOffered += (_, offer) => _ = ServeAsync(mux, offer.Name, offer.QualifiedId.Id);
                mux.StartListening();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // Released.
        }
    }

    private static async Task ServeAsync(MultiplexingStream mux, string name, ulong id)
    {
        try
        {
            MultiplexingStream.Channel channel = mux.AcceptChannel(id);
            await using Stream stream = channel.AsStream();
            if (name == BulkChannel)
            {
                await BulkProtocol.ServeAsync(stream, sync: false).ConfigureAwait(false);
                return;
            }
            byte[] one = new byte[HttpBackend.BodyLength];
            if (await stream.ReadAsync(one).ConfigureAwait(false) > 0)
            {
                await stream.WriteAsync(one).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or MultiplexingProtocolException)
        {
            // The client's end reports what went wrong.
        }
    }
}

/// <summary>The client's end of one multiplexed connection.</summary>
public sealed class NerdbankClient : IWorkerService
{
    private readonly MultiplexingStream _mux;

    private NerdbankClient(MultiplexingStream mux) => _mux = mux;

    public int Port => 0;

    public int Count => 0;

    public static async Task<NerdbankClient> ConnectAsync(NerdbankArguments arguments)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(arguments.Target!)).ConfigureAwait(false);
        X509Certificate2 own = BenchCertificate.Load(arguments.Own);
        X509Certificate2 peer = X509CertificateLoader.LoadCertificateFromFile(arguments.Peer);
        SslStream tls = await BenchCertificate.ClientAsync(new NetworkStream(socket, ownsSocket: true), own, peer).ConfigureAwait(false);
        MultiplexingStream mux = MultiplexingStream.Create(tls, NerdbankListener.Options());
        mux.StartListening();
        return new NerdbankClient(mux);
    }

    public async Task<BulkResult> BulkAsync(long bytes)
    {
        MultiplexingStream.Channel channel = await _mux.OfferChannelAsync(NerdbankListener.BulkChannel).ConfigureAwait(false);
        await using Stream stream = channel.AsStream();
        long start = Stopwatch.GetTimestamp();
        bool right = await BulkProtocol.TransferAsync(stream, BulkDirection.Down, bytes, sync: false).ConfigureAwait(false);
        return right ? new BulkResult(bytes, Stopwatch.GetElapsedTime(start).TotalSeconds, [bytes], 0) : throw new InvalidDataException("wrong or missing bytes");
    }

    /// <summary>Closed loop: open a channel, send 100 bytes, read 1 KiB, close.</summary>
    public async Task<HttpResult> OpensAsync(int clients, double seconds)
    {
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        List<double>[] samples = await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            List<double> mine = [];
            byte[] request = new byte[100];
            byte[] answer = new byte[HttpBackend.BodyLength];
            long now;
            while ((now = Stopwatch.GetTimestamp()) < end)
            {
                MultiplexingStream.Channel channel = await _mux.OfferChannelAsync(NerdbankListener.EchoChannel).ConfigureAwait(false);
                await using Stream stream = channel.AsStream();
                await stream.WriteAsync(request).ConfigureAwait(false);
                await stream.FlushAsync().ConfigureAwait(false);
                await stream.ReadExactlyAsync(answer).ConfigureAwait(false);
                mine.Add(Stopwatch.GetElapsedTime(now).TotalMilliseconds);
            }
            return mine;
        })).ConfigureAwait(false);
        double[] sorted = [.. samples.SelectMany(list => list).Order()];
        return new HttpResult(sorted.Length, 0, seconds, sorted[sorted.Length / 2], sorted[sorted.Length * 9 / 10], sorted[sorted.Length * 99 / 100], sorted[^1], null);
    }

    public void Dispose() => _mux.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(2));
}
