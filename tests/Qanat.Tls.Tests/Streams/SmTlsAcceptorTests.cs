using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Streams;

/// <summary>TLCP, TLS 1.3-SM and ordinary TLS on one port.</summary>
public sealed class SmTlsAcceptorTests : IDisposable
{
    private readonly X509Certificate2 _ordinary = CreateOrdinary();

    public void Dispose() => _ordinary.Dispose();

    [Theory]
    [InlineData(SmProtocol.Tlcp, 1)]
    [InlineData(SmProtocol.Tls13, 1)]
    [InlineData(SmProtocol.Tlcp, int.MaxValue)]
    [InlineData(SmProtocol.Tls13, int.MaxValue)]
    public async Task Sm_clients_get_an_sm_stream(SmProtocol protocol, int maxRead)
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        far.MaxRead = maxRead;
        await using SmSslStream client = new(near);
        Task<SmTlsConnection> accept = Acceptor().AcceptAsync(far);
        await client.AuthenticateAsClientAsync(SmPair.ClientOptions(protocol));
        SmTlsConnection accepted = await accept;
        await using Stream server = accepted.Stream;
        Assert.Equal(protocol, accepted.Sm!.NegotiatedProtocol);
        Assert.Null(accepted.Ordinary);
        Assert.Equal(protocol == SmProtocol.Tlcp ? SmConnectionKind.Tlcp : SmConnectionKind.Tls13Sm, accepted.Kind);
        await EchoAsync(client, server);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, 1)]
    [InlineData(SslProtocols.Tls13, 1)]
    [InlineData(SslProtocols.Tls13, int.MaxValue)]
    public async Task Ordinary_clients_get_an_ordinary_stream_with_the_bytes_that_were_read(SslProtocols protocol, int maxRead)
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        far.MaxRead = maxRead;
        await using SslStream client = new(near);
        Task<SmTlsConnection> accept = Acceptor().AcceptAsync(far);
        await client.AuthenticateAsClientAsync(Ordinary(protocol));
        SmTlsConnection accepted = await accept;
        await using Stream server = accepted.Stream;
        Assert.Equal(protocol, accepted.Ordinary!.SslProtocol);
        Assert.Equal(SmConnectionKind.OrdinaryTls, accepted.Kind);
        await EchoAsync(client, server);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_of_both_kinds_gets_what_the_server_prefers(bool preferSm)
    {
        byte[] hello = BothKinds();
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        await near.WriteAsync(hello);
        Task<SmTlsConnection> accept = Acceptor(o => o.PreferSm = preferSm).AcceptAsync(far);
        // The SM server wants another share; the ordinary one takes the one that is there. Either way the first record is of the handshake.
        byte[] record = new byte[RecordHeader.Size + 4 + 2 + 32 + 1 + 32 + 2];
        await near.ReadExactlyAsync(record);
        ushort suite = (ushort)((record[^2] << 8) | record[^1]);
        Assert.Equal(preferSm, suite == (ushort)SmCipherSuite.TlsSm4GcmSm3);
        near.SendFin();
        await Assert.ThrowsAnyAsync<Exception>(() => accept);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task A_port_for_ordinary_tls_alone_refuses_sm_clients_with_an_alert(SmProtocol protocol)
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        await using SmSslStream client = new(near);
        Task<SmTlsConnection> accept = Acceptor(o => o.Sm = null).AcceptAsync(far);
        SmTlsException atClient = await Assert.ThrowsAsync<SmTlsException>(() => client.AuthenticateAsClientAsync(SmPair.ClientOptions(protocol)));
        SmTlsException atServer = await Assert.ThrowsAsync<SmTlsException>(() => accept);
        Assert.Equal((AlertDescription.ProtocolVersion, SmTlsError.UnsupportedVersion), (atClient.Alert, atServer.Error));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_port_for_sm_alone_refuses_ordinary_clients_with_an_alert(SslProtocols protocol)
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        await using SslStream client = new(near);
        Task<SmTlsConnection> accept = Acceptor(o => o.Ordinary = null).AcceptAsync(far);
        Task atClient = Assert.ThrowsAnyAsync<AuthenticationException>(() => client.AuthenticateAsClientAsync(Ordinary(protocol)));
        SmTlsException atServer = await Assert.ThrowsAsync<SmTlsException>(() => accept);
        Assert.True(atServer.Error is SmTlsError.UnsupportedVersion or SmTlsError.NoCommonSuite, atServer.Message);
        await atClient;
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\u0016\u0005\u0000aaaaaaaaaa")]
    public async Task Other_bytes_are_refused_without_an_answer(string bytes)
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        await near.WriteAsync(Encoding.Latin1.GetBytes(bytes));
        SmTlsException e = await Assert.ThrowsAsync<SmTlsException>(() => Acceptor().AcceptAsync(far));
        Assert.Equal(SmTlsError.InvalidRecordType, e.Error);
        Assert.Equal(0, far.Written);
        // The transport was closed.
        Assert.Equal(0, await near.ReadAsync(new byte[1].AsMemory()));
    }

    [Fact]
    public async Task A_silent_client_is_a_typed_timeout_and_one_that_leaves_is_a_truncation()
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider clock = SmPair.Clock();
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        Task<SmTlsConnection> accept = Acceptor(o => o.TimeProvider = clock).AcceptAsync(far);
        await near.WriteAsync(new byte[] { 22, 1 });
        await far.IdleWait.Task;
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(SmTlsError.HandshakeTimeout, (await Assert.ThrowsAsync<SmTlsException>(() => accept)).Error);

        (MemoryTransport left, MemoryTransport right) = MemoryTransport.Pair();
        await left.WriteAsync(new byte[] { 22, 1, 1 });
        left.SendFin();
        Assert.Equal(SmTlsError.Truncated, (await Assert.ThrowsAsync<SmTlsException>(() => Acceptor().AcceptAsync(right))).Error);
    }

    [Fact]
    public async Task A_hello_without_end_is_refused_at_its_bound()
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        Task<SmTlsConnection> accept = Acceptor(o => o.Ordinary = null).AcceptAsync(far);
        Task flood = Task.Run(async () =>
        {
            // Records of one byte each: a hello that says 16 KiB would take 96 KiB to come.
            byte[] first = [22, 1, 1, 0, 1, 1];
            await near.WriteAsync(first);
            byte[][] lengths = [[22, 1, 1, 0, 1, 0], [22, 1, 1, 0, 1, 0x3F], [22, 1, 1, 0, 1, 0x00]];
            foreach (byte[] record in lengths)
            {
                await near.WriteAsync(record);
            }
            try
            {
                while (near.Written < 1 << 20)
                {
                    await near.WriteAsync(new byte[] { 22, 1, 1, 0, 1, 0 });
                }
            }
            catch (IOException)
            {
                // Closed, as it should be.
            }
        });
        await Assert.ThrowsAsync<SmTlsException>(() => accept);
        await flood;
    }

    [Fact]
    public void Options_that_serve_nothing_are_refused()
    {
        foreach (Action<SmTlsAcceptorOptions> breakIt in new Action<SmTlsAcceptorOptions>[]
        {
            o => (o.Sm, o.Ordinary) = (null, null),
            o => o.Ordinary = new SslServerAuthenticationOptions(),
            o => o.TimeProvider = null!,
            o => o.HandshakeTimeout = TimeSpan.Zero,
            o => o.Sm!.Credential = null,
        })
        {
            Assert.Equal(SmTlsError.InvalidOptions, Assert.Throws<SmTlsException>(() => Acceptor(breakIt)).Error);
        }
    }

    private SmTlsAcceptor Acceptor(Action<SmTlsAcceptorOptions>? change = null)
    {
        SmTlsAcceptorOptions options = new()
        {
            Sm = SmPair.ServerOptions(),
            Ordinary = new SslServerAuthenticationOptions { ServerCertificate = _ordinary },
            TimeProvider = SmPair.Clock(),
        };
        change?.Invoke(options);
        return new SmTlsAcceptor(options);
    }

    private static SslClientAuthenticationOptions Ordinary(SslProtocols protocol) => new()
    {
        TargetHost = TestPki.Host,
        EnabledSslProtocols = protocol,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == $"CN={TestPki.Host}",
    };

    /// <summary>A hello for SM and for ordinary TLS, with one share, on X25519's place P-256.</summary>
    private static byte[] BothKinds()
    {
        using ECDiffieHellman share = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ECParameters point = share.ExportParameters(false);
        using TlsWriter writer = new(1024);
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(writer, ProtocolVersions.Tls12, RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32), [0x1301, (ushort)SmCipherSuite.TlsSm4GcmSm3]);
            using (writer.Vector16())
            {
                TlsExtensions.WriteServerName(writer, TestPki.Host);
                WriteList(writer, ExtensionType.SupportedGroups, [(ushort)NamedGroup.Secp256R1, (ushort)NamedGroup.CurveSm2]);
                WriteList(writer, ExtensionType.SignatureAlgorithms, [0x0403, 0x0804, (ushort)SignatureScheme.Sm2SigSm3]);
                using (writer.Extension(ExtensionType.SupportedVersions))
                using (writer.Vector8())
                {
                    writer.WriteUInt16(ProtocolVersions.Tls13);
                }
                using (writer.Extension(ExtensionType.KeyShare))
                using (writer.Vector16())
                {
                    writer.WriteUInt16((ushort)NamedGroup.Secp256R1);
                    writer.WriteVector16([4, .. point.Q.X!, .. point.Q.Y!]);
                }
            }
        }
        byte[] record = new byte[RecordHeader.Size + writer.Length];
        new RecordHeader(RecordType.Handshake, ProtocolVersions.Tls10, writer.Length).Write(record);
        writer.Written.CopyTo(record.AsSpan(RecordHeader.Size));
        return record;

        static void WriteList(TlsWriter writer, ExtensionType type, ushort[] values)
        {
            using (writer.Extension(type))
            using (writer.Vector16())
            {
                foreach (ushort value in values)
                {
                    writer.WriteUInt16(value);
                }
            }
        }
    }

    private static async Task EchoAsync(Stream client, Stream server)
    {
        byte[] data = RandomNumberGenerator.GetBytes(50_000), there = new byte[data.Length], back = new byte[data.Length];
        await Task.WhenAll(client.WriteAsync(data).AsTask(), server.ReadExactlyAsync(there).AsTask());
        await Task.WhenAll(server.WriteAsync(there).AsTask(), client.ReadExactlyAsync(back).AsTask());
        Assert.Equal(data, back);
    }

    private static X509Certificate2 CreateOrdinary()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={TestPki.Host}", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
