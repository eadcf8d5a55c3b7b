using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Qanat.Cli.Demo.Capture;
using Qanat.Wire;

namespace Qanat.Cli.Tests;

public sealed class CaptureTests
{
    private static readonly Mid s_a = Mid.Read(RandomNumberGenerator.GetBytes(16)), s_b = Mid.Read(RandomNumberGenerator.GetBytes(16));

    [Fact]
    public async Task Recorded_websocket_is_read_unmasked_so_that_a_search_can_find_plaintext()
    {
        byte[] frame = Frame(FrameType.Data, Encoding.ASCII.GetBytes("GET /patients/4711 HTTP/1.1"));
        IReadOnlyList<RecordedConnection> recorded = await RecordAsync(async url =>
        {
            using ClientWebSocket client = new();
            await client.ConnectAsync(url, TestContext.Current.CancellationToken);
            await client.SendAsync(frame, WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);
            await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
            await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken);
        });
        // On the wire the bytes are masked: a search there finds nothing whatever was sent.
        Assert.DoesNotContain("patients", Encoding.Latin1.GetString(recorded[0].FromClient), StringComparison.Ordinal);
        LinkCapture capture = new();
        capture.AddWebSocket(recorded);
        Assert.True(capture.Contains("/patients/4711"u8));
        Assert.False(capture.Contains("/patients/4712"u8));
        Assert.Equal(1, capture.Frames[FrameType.Data]);
        Assert.Equal(new[] { s_a, s_b }.Order(), capture.Mids.Order());
    }

    [Fact]
    public void Needle_split_between_two_frames_is_found()
    {
        LinkCapture capture = new();
        capture.AddTcp([new RecordedConnection([.. Block(Frame(FrameType.Data, "patient"u8)), .. Block(Frame(FrameType.Data, "s/4711"u8, offset: 7))], [])]);
        Assert.True(capture.Contains("patients/4711"u8));
    }

    [Fact]
    public void Plaintext_compresses_and_ciphertext_does_not()
    {
        LinkCapture plain = new(), cipher = new();
        byte[] text = Encoding.ASCII.GetBytes(string.Join(",", Enumerable.Range(0, 1000).Select(i => $"{{\"id\":{i}}}")));
        plain.AddTcp([new RecordedConnection(Block(Frame(FrameType.Data, text)), [])]);
        cipher.AddTcp([new RecordedConnection(Block(Frame(FrameType.Data, RandomNumberGenerator.GetBytes(text.Length))), [])]);
        Assert.True(plain.CompressedShare() < 0.5, $"{plain.CompressedShare()}");
        Assert.True(cipher.CompressedShare() > 0.98, $"{cipher.CompressedShare()}");
    }

    [Fact]
    public void Cut_off_recording_is_searched_to_its_end()
    {
        byte[] block = Block(Frame(FrameType.Data, "0123456789"u8));
        LinkCapture capture = new();
        capture.AddTcp([new RecordedConnection(block[..^5], [])]);
        Assert.True(capture.Contains("01234"u8));
        Assert.False(capture.Contains("012345"u8));
    }

    [Fact]
    public async Task Proxy_past_its_bound_passes_bytes_on_and_says_that_it_kept_not_all()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using TcpListener target = new(IPAddress.Loopback, 0);
        target.Start();
        await using RecordingProxy proxy = new(0, ((IPEndPoint)target.LocalEndpoint).Port, maxBytes: 10);
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Port, cancel);
        using TcpClient server = await target.AcceptTcpClientAsync(cancel);
        await client.GetStream().WriteAsync(new byte[100], cancel);
        client.Client.Shutdown(SocketShutdown.Send);
        using MemoryStream got = new();
        await server.GetStream().CopyToAsync(got, cancel);
        Assert.Equal(100, got.Length);
        Assert.True(proxy.IsTruncated);
    }

    private static byte[] Frame(FrameType type, ReadOnlySpan<byte> payload, ulong offset = 0)
    {
        byte[] frame = new byte[FrameHeader.Length + payload.Length];
        new FrameHeader(type, FrameReason.None, 0, s_a, s_b, 7, offset).Write(frame);
        payload.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    private static byte[] Block(byte[] frame)
    {
        byte[] block = new byte[4 + frame.Length];
        BinaryPrimitives.WriteUInt32BigEndian(block, (uint)frame.Length);
        frame.CopyTo(block, 4);
        return block;
    }

    private static async Task<IReadOnlyList<RecordedConnection>> RecordAsync(Func<Uri, Task> talk)
    {
        using HttpListener server = new();
        int port = TestPorts.Take();
        server.Prefixes.Add($"http://127.0.0.1:{port}/");
        server.Start();
        Task serving = Task.Run(async () =>
        {
            HttpListenerContext context = await server.GetContextAsync();
            WebSocket socket = (await context.AcceptWebSocketAsync(null)).WebSocket;
            byte[] buffer = new byte[65536];
            while ((await socket.ReceiveAsync(buffer, CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
            }
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        });
        await using RecordingProxy proxy = new(0, port);
        await talk(new Uri($"ws://127.0.0.1:{proxy.Port}/"));
        await serving;
        return proxy.Snapshot();
    }
}
