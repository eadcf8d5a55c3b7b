using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Qanat.Tunnel.Mux;

namespace Qanat.Tunnel.Tests.Mux;

public sealed class StreamRelayTests
{
    /// <summary>client socket - relay - tunnel - relay - server socket.</summary>
    private sealed class Path : IAsyncDisposable
    {
        private readonly Socket _listener = Listen();
        private readonly Socket _target = Listen();
        private readonly MuxPair _pair;

        public Path()
        {
            _pair = new MuxPair(new Acceptor(async connection =>
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(_target.LocalEndPoint!);
                AtServer.SetResult(await StreamRelay.RunAsync(connection, socket));
            }));
        }

        public TaskCompletionSource<RelayResult> AtServer { get; } = new();

        public Task<RelayResult> AtClient { get; private set; } = null!;

        public async Task<(Socket Client, Socket Server)> ConnectAsync()
        {
            Socket client = new(SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(_listener.LocalEndPoint!);
            Socket accepted = await _listener.AcceptAsync();
            AtClient = StreamRelay.RunAsync(_pair.Client.Open("tcp"), accepted);
            return (client, await _target.AcceptAsync().WaitAsync(MuxSessionTests.Limit));
        }

        public async ValueTask DisposeAsync()
        {
            await _pair.DisposeAsync();
            _listener.Dispose();
            _target.Dispose();
        }

        private static Socket Listen()
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.Listen();
            return socket;
        }
    }

    [Fact]
    public async Task Bytes_and_half_closes_pass_both_ways()
    {
        await using Path path = new();
        (Socket client, Socket server) = await path.ConnectAsync();
        byte[] up = RandomNumberGenerator.GetBytes(3_000_001), down = RandomNumberGenerator.GetBytes(2_000_003);
        using NetworkStream clientStream = new(client, ownsSocket: true), serverStream = new(server, ownsSocket: true);
        Task send = SendAsync(clientStream, client, up);
        Assert.Equal(up, await ReadAsync(serverStream).WaitAsync(MuxSessionTests.Limit));
        // The other direction still works after the first has ended.
        await SendAsync(serverStream, server, down);
        Assert.Equal(down, await ReadAsync(clientStream).WaitAsync(MuxSessionTests.Limit));
        await send;
        RelayResult result = await path.AtClient.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(new RelayResult(up.Length, down.Length, true), result);
        Assert.Equal(new RelayResult(down.Length, up.Length, true), await path.AtServer.Task.WaitAsync(MuxSessionTests.Limit));

        static async Task SendAsync(NetworkStream stream, Socket socket, byte[] bytes)
        {
            await stream.WriteAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
        }

        static async Task<byte[]> ReadAsync(NetworkStream stream)
        {
            using MemoryStream all = new();
            await stream.CopyToAsync(all);
            return all.ToArray();
        }
    }

    [Fact]
    public async Task A_reset_of_the_service_is_a_reset_at_the_client()
    {
        await using Path path = new();
        (Socket client, Socket server) = await path.ConnectAsync();
        await server.SendAsync(new byte[1000]);
        byte[] buffer = new byte[2000];
        Assert.True(await client.ReceiveAsync(buffer) > 0);
        server.LingerState = new LingerOption(true, 0);
        server.Dispose();
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (await client.ReceiveAsync(buffer).WaitAsync(MuxSessionTests.Limit) > 0)
            {
            }
        });
        Assert.False((await path.AtClient.WaitAsync(MuxSessionTests.Limit)).IsComplete);
    }

    [Fact]
    public async Task A_lost_tunnel_is_a_reset_at_the_client()
    {
        Path path = new();
        (Socket client, Socket server) = await path.ConnectAsync();
        await path.DisposeAsync();
        await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync(new byte[1]).WaitAsync(MuxSessionTests.Limit));
        client.Dispose();
        server.Dispose();
    }
}
