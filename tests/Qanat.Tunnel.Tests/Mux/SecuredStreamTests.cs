using System.Diagnostics.Metrics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Mux;

public sealed class SecuredStreamTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(3)]
    public async Task Over_tls_bytes_are_exact_and_the_end_is_in_order(int? cutSeed)
    {
        (MemoryDuplex near, MemoryDuplex far) = MemoryDuplex.Create(cutSeed: cutSeed);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        SslStream client = new(near, false, (_, shown, _, _) => certificate.Equals(shown)), server = new(far);
        await Task.WhenAll(client.AuthenticateAsClientAsync("test"), server.AuthenticateAsServerAsync(certificate)).WaitAsync(MuxSessionTests.Limit);
        MuxSession one = new(client, true, MuxOptions.Default, MuxPair.ServerMid, "server", null);
        MuxSession two = new(server, false, MuxOptions.Default, MuxPair.ClientMid, "client", Acceptor.Echo);
        one.Start();
        two.Start();
        await Task.WhenAll(Enumerable.Range(1, 8).Select(async i =>
        {
            byte[] sent = RandomNumberGenerator.GetBytes(i * (cutSeed is null ? 100_000 : 5_000));
            ConnectionContext connection = one.Open("echo");
            Task<byte[]> received = MuxSessionTests.ReadAllAsync(connection.Transport.Input);
            await connection.Transport.Output.WriteAsync(sent);
            await connection.Transport.Output.CompleteAsync();
            Assert.Equal(sent, await received);
        })).WaitAsync(MuxSessionTests.Limit);
        await one.GoAwayAsync(TestContext.Current.CancellationToken).WaitAsync(MuxSessionTests.Limit);
        await two.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Null(one.Error);
        Assert.Null(two.Error);
    }

    [Fact]
    public async Task A_peer_that_reads_nothing_cannot_hold_up_the_end()
    {
        MuxOptions options = new() { CloseTimeout = TimeSpan.FromMilliseconds(20) };
        RawPeer peer = new(Acceptor.Echo, options, buffer: 1024);
        Task write = peer.Session.Open("s").Transport.Output.WriteAsync(new byte[500_000]).AsTask();
        await FlowControlTests.UntilAsync(() => peer.Session.OpenedCount == 1);
        await peer.Session.DisposeAsync().AsTask().WaitAsync(MuxSessionTests.Limit);
        await write.WaitAsync(MuxSessionTests.Limit);
        await peer.DisposeAsync();
    }

    [Fact]
    public async Task Metrics_count_connections_bytes_and_resets_by_reason()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        Dictionary<string, long> sums = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == "Qanat.Mux")
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            lock (sums)
            {
                string name = $"{instrument.Name} {tags[0].Value}";
                sums[name] = sums.GetValueOrDefault(name) + value;
            }
        });
        listener.Start();
        (MemoryDuplex near, MemoryDuplex far) = MemoryDuplex.Create();
        MuxMetrics metrics = new(services.GetRequiredService<IMeterFactory>());
        MuxSession client = new(near, true, MuxOptions.Default, MuxPair.ServerMid, "server", null, null, metrics);
        MuxSession server = new(far, false, MuxOptions.Default, MuxPair.ClientMid, "client",
            new Acceptor(c => c.Transport.Output.CompleteAsync().AsTask(), s => s == "no" ? MuxResetReason.Denied : MuxResetReason.None));
        client.Start();
        server.Start();
        await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(client.Open("no").Transport.Input));
        ConnectionContext open = client.Open("yes");
        await MuxSessionTests.ReadAllAsync(open.Transport.Input);
        await client.DisposeAsync();
        await server.DisposeAsync();
        lock (sums)
        {
            Assert.Equal(2, sums["qanat.mux.opens out"]);
            Assert.Equal(0, sums["qanat.mux.connections out"]);
            Assert.Equal(1, sums["qanat.mux.resets Denied"]);
            Assert.Equal(client.BytesWritten, sums["qanat.mux.io out"]);
            Assert.Equal(client.BytesRead, sums["qanat.mux.io in"]);
        }
    }
}
