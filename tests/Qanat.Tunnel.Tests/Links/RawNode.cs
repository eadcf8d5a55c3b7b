using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using Qanat.Wire.Handshake;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>A node made of a bare socket, so that it can break any rule. Speaks WebSocket or length-prefixed TCP.</summary>
internal sealed class RawNode : IDisposable
{
    private readonly TcpClient _client = new();
    private readonly bool _isWebSocket;
    private byte[] _received = new byte[1 << 20];
    private int _end;

    private RawNode(bool isWebSocket) => _isWebSocket = isWebSocket;

    public NetworkStream Stream => _client.GetStream();

    public byte[] Hello { get; private set; } = [];

    public byte[] Challenge { get; private set; } = [];

    public static async Task<RawNode> ConnectAsync(Uri address)
    {
        RawNode node = new(address.Scheme == "ws");
        await node._client.ConnectAsync("127.0.0.1", address.Port);
        node._client.NoDelay = true;
        if (node._isWebSocket)
        {
            await node.Stream.WriteAsync(WebSocketUpgrade.WriteRequest("127.0.0.1", address.AbsolutePath, WebSocketUpgrade.CreateKey()));
            string head = await node.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 101 ", head, StringComparison.Ordinal);
        }
        return node;
    }

    /// <summary>Connects and performs a right handshake.</summary>
    public static async Task<RawNode> JoinAsync(Uri address, NodeIdentity identity, Mid hub, int role = 1)
    {
        RawNode node = await ConnectAsync(address);
        await node.SendHelloAsync(identity, role);
        await node.SendProofAsync(identity, hub);
        Assert.Equal(LinkRefusal.None, await node.ReadVerdictAsync());
        return node;
    }

    public async Task SendHelloAsync(NodeIdentity identity, int role = 1, byte version = 1, TimeSpan clockOffset = default)
    {
        ulong now = (ulong)(DateTimeOffset.UtcNow + clockOffset).ToUnixTimeMilliseconds();
        await SendHelloAsync(new LinkHello(version, version, role, identity.SubjectPublicKeyInfo.ToArray(), RandomNumberGenerator.GetBytes(32), now).Encode());
    }

    public async Task SendHelloAsync(byte[] hello)
    {
        Hello = hello;
        await SendMessageAsync(hello);
    }

    public async Task<byte[]> ReadChallengeAsync() => Challenge = await ReadMessageAsync();

    public async Task SendProofAsync(NodeIdentity signer, Mid hub)
    {
        await ReadChallengeAsync();
        await SendMessageAsync(MakeProof(signer, hub));
    }

    public byte[] MakeProof(NodeIdentity signer, Mid hub, TimeSpan clockOffset = default)
    {
        ulong now = (ulong)(DateTimeOffset.UtcNow + clockOffset).ToUnixTimeMilliseconds();
        return new LinkProofMessage
        {
            AttachmentTime = now,
            AttachmentSignature = signer.Sign(LinkTranscript.AttachmentStatement(signer.Mid, hub, now)),
        }.Encode(Hello, Challenge, signer.Sign);
    }

    public async Task<LinkRefusal> ReadVerdictAsync()
    {
        Assert.True(LinkWelcomeMessage.TryDecode(await ReadMessageAsync(), out LinkWelcomeMessage welcome));
        return welcome.Result;
    }

    public Task SendMessageAsync(byte[] message) => _isWebSocket
        ? Stream.WriteAsync(Frame(WebSocketOpcode.Binary, message)).AsTask()
        : Stream.WriteAsync(Block(message)).AsTask();

    public static byte[] Block(byte[] message)
    {
        byte[] block = new byte[LengthPrefix.Length + message.Length];
        LengthPrefix.Write(block, message.Length);
        message.CopyTo(block, LengthPrefix.Length);
        return block;
    }

    public static byte[] Frame(WebSocketOpcode opcode, byte[] payload, bool isFinal = true)
    {
        const uint Key = 0x12345678;
        WebSocketFrameHeader header = new(isFinal, opcode, true, Key, payload.Length);
        byte[] frame = new byte[header.Length + payload.Length];
        int at = header.Write(frame);
        WebSocketMask.Copy(payload, frame.AsSpan(at), Key);
        return frame;
    }

    /// <summary>The next data message; skips control frames.</summary>
    public async Task<byte[]> ReadMessageAsync()
    {
        while (true)
        {
            (WebSocketOpcode opcode, byte[] payload) = await ReadFrameAsync();
            if (opcode == WebSocketOpcode.Binary)
            {
                return payload;
            }
            Assert.NotEqual(WebSocketOpcode.Close, opcode);
        }
    }

    /// <summary>Reads on until the close frame or block; then the stream must end.</summary>
    public async Task<WebSocketCloseCode> ReadCloseAsync()
    {
        while (true)
        {
            (WebSocketOpcode opcode, byte[] payload) = await ReadFrameAsync();
            if (opcode == WebSocketOpcode.Close || (!_isWebSocket && payload.Length == 2))
            {
                Assert.True(WebSocketClose.TryReadCode(payload, out WebSocketCloseCode code));
                return code;
            }
        }
    }

    public async Task<(WebSocketOpcode Opcode, byte[] Payload)> ReadFrameAsync()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            if (TryTake(out WebSocketOpcode opcode, out byte[] payload))
            {
                return (opcode, payload);
            }
            int read = await Stream.ReadAsync(_received.AsMemory(_end), limit.Token);
            if (read == 0)
            {
                throw new EndOfStreamException();
            }
            _end += read;
        }
    }

    public async Task<string> ReadHeadAsync()
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            int end = _received.AsSpan(0, _end).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                string head = Encoding.ASCII.GetString(_received, 0, end);
                Drop(end + 4);
                return head;
            }
            int read = await Stream.ReadAsync(_received.AsMemory(_end), limit.Token);
            if (read == 0)
            {
                throw new EndOfStreamException();
            }
            _end += read;
        }
    }

    public void Dispose() => _client.Dispose();

    private bool TryTake(out WebSocketOpcode opcode, out byte[] payload)
    {
        (opcode, payload) = (WebSocketOpcode.Binary, []);
        if (!_isWebSocket)
        {
            if (LengthPrefix.TryRead(_received.AsSpan(0, _end), 100_000, out int length) != ParseStatus.Complete || _end < 4 + length)
            {
                return false;
            }
            payload = _received[4..(4 + length)];
            Drop(4 + length);
            return true;
        }
        ParseStatus status = WebSocketFrameHeader.TryRead(_received.AsSpan(0, _end), WebSocketRole.Client, 100_000, out WebSocketFrameHeader header, out _);
        Assert.NotEqual(ParseStatus.Malformed, status);
        if (status != ParseStatus.Complete || _end < header.Length + header.PayloadLength)
        {
            return false;
        }
        opcode = header.Opcode;
        payload = _received[header.Length..(header.Length + header.PayloadLength)];
        Drop(header.Length + header.PayloadLength);
        return true;
    }

    private void Drop(int bytes)
    {
        _end -= bytes;
        _received = [.. _received[bytes..], .. new byte[bytes]];
    }
}
