using System.Net;
using System.Net.Sockets;
using Qanat.Tls.Messages;

namespace Qanat.Tls.AspNetCore.Tests;

public sealed class SmTlsDialerTests
{
    [Fact]
    public async Task A_server_that_knows_no_extensions_is_dialed_again_without_them_and_remembered()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int refused = 0;
        Task server = ServeAsync();
        SmSslClientAuthenticationOptions options = Pki.ClientOptions(SmProtocol.Tlcp);
        options.PeerDialects = new SmPeerDialects();
        DnsEndPoint address = new("localhost", ((IPEndPoint)listener.LocalEndpoint).Port);
        for (int i = 0; i < 2; i++)
        {
            await using SmSslStream stream = await SmTlsDialer.ConnectAsync(address, options);
            Assert.Equal(SmProtocol.Tlcp, stream.NegotiatedProtocol);
            await stream.WriteAsync("x"u8.ToArray());
            Assert.Equal(0, await stream.ReadAsync(new byte[1].AsMemory()));
        }
        await server;
        Assert.Equal(1, refused);

        // As GmSSL's server does: an unknown extension ends the connection without a word.
        async Task ServeAsync()
        {
            for (int served = 0; served < 2;)
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                byte[] hello = new byte[4096];
                int length = await client.GetStream().ReadAsync(hello.AsMemory());
                if (HasExtensions(hello.AsSpan(0, length)))
                {
                    refused++;
                    continue;
                }
                await using SmSslStream stream = new(new ReplayStream(hello[..length], client.GetStream()));
                await stream.AuthenticateAsServerAsync(Pki.ServerOptions());
                Assert.Equal(1, await stream.ReadAsync(new byte[1].AsMemory()));
                served++;
            }
        }
    }

    [Fact]
    public async Task A_server_that_refuses_is_not_asked_again_when_there_is_nothing_to_learn()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        SmSslServerAuthenticationOptions tls13Only = Pki.ServerOptions();
        tls13Only.EnabledProtocols = [SmProtocol.Tls13];
        SmSslClientAuthenticationOptions options = Pki.ClientOptions(SmProtocol.Tlcp);
        Task<SmSslStream> dial = SmTlsDialer.ConnectAsync(new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndpoint).Port), options);
        using (TcpClient client = await listener.AcceptTcpClientAsync())
        {
            await using SmSslStream stream = new(client.GetStream());
            await Assert.ThrowsAsync<SmTlsException>(() => stream.AuthenticateAsServerAsync(tls13Only));
        }
        Assert.Equal(AlertDescription.ProtocolVersion, (await Assert.ThrowsAsync<SmTlsException>(() => dial)).Alert);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task A_silent_server_is_asked_once()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        SmSslClientAuthenticationOptions options = Pki.ClientOptions(SmProtocol.Tlcp);
        (options.PeerDialects, options.HandshakeTimeout) = (new SmPeerDialects(), TimeSpan.FromMilliseconds(50));
        Task<SmSslStream> dial = SmTlsDialer.ConnectAsync(new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndpoint).Port), options);
        using TcpClient silent = await listener.AcceptTcpClientAsync();
        Assert.Equal(SmTlsError.HandshakeTimeout, (await Assert.ThrowsAsync<SmTlsException>(() => dial)).Error);
        Assert.False(listener.Pending());
    }

    private static bool HasExtensions(ReadOnlySpan<byte> received)
    {
        Assert.Equal(TlsReadStatus.Complete, ClientHelloRecords.TryRead(received, new byte[ClientHelloRecords.DefaultMaxLength], out ClientHello hello, out _, out _));
        return !hello.Extensions.Bytes.IsEmpty;
    }

    /// <summary>A transport whose first bytes were read already.</summary>
    private sealed class ReplayStream(byte[] first, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _first = first;

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_first.IsEmpty)
            {
                return await rest.ReadAsync(buffer, cancellationToken);
            }
            int count = Math.Min(buffer.Length, _first.Length);
            _first[..count].CopyTo(buffer);
            _first = _first[count..];
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => rest.WriteAsync(buffer, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => rest.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
