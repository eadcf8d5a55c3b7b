using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Qanat.Bench.Peers;

/// <summary>
/// Client side of the Syncthing relay protocol, version 1 (the public "Relay Protocol v1" specification): XDR messages with a 12-byte header
/// (magic 0x9E79BC40, type, length). Blocking calls: sockets stay in blocking mode, the cheapest way for one stream. Control connections are TLS with ALPN <c>bep-relay</c>; a device id is SHA-256 of the certificate.
/// </summary>
public static class RelayProtocol
{
    private const uint Magic = 0x9E79BC40;
    private const int MaximumLength = 8192;

    public enum MessageType
    {
        Ping = 0,
        Pong = 1,
        JoinRelayRequest = 2,
        JoinSessionRequest = 3,
        Response = 4,
        ConnectRequest = 5,
        SessionInvitation = 6,
    }

    /// <param name="Key">One-time session key.</param>
    /// <param name="Port">Where to join the session.</param>
    /// <param name="ServerSocket">True for the end that shall be the TLS server.</param>
    public sealed record Invitation(byte[] Key, int Port, bool ServerSocket);

    public static byte[] DeviceId(X509Certificate2 certificate) => SHA256.HashData(certificate.RawData);

    /// <summary>Opens a control connection. The relay's own certificate is not checked: the relay is not trusted with anything.</summary>
    public static SslStream Control(IPEndPoint relay, X509Certificate2 own)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(relay);
        SslStream tls = new(new NetworkStream(socket, ownsSocket: true));
        SslClientAuthenticationOptions options = new()
        {
            TargetHost = "relay",
            ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [new SslApplicationProtocol("bep-relay")],
        };
#pragma warning disable CA5359 // A blind relay: TLS with the relay only hides the control messages; the ends authenticate each other inside.
        options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        tls.AuthenticateAsClient(options);
        return tls;
    }

    /// <summary>Registers this device with the relay, to be found by others.</summary>
    public static void Join(Stream control)
    {
        Write(control, MessageType.JoinRelayRequest, []);
        ExpectSuccess(control);
    }

    /// <summary>Asks the relay for a session with a joined device.</summary>
    public static Invitation Connect(Stream control, byte[] deviceId)
    {
        Write(control, MessageType.ConnectRequest, Opaque(deviceId));
        return NextInvitation(control);
    }

    /// <summary>Waits for the next invitation; answers pings meanwhile.</summary>
    public static Invitation NextInvitation(Stream control)
    {
        while (true)
        {
            (MessageType type, byte[] body) = Read(control);
            switch (type)
            {
                case MessageType.Ping:
                    Write(control, MessageType.Pong, []);
                    break;
                case MessageType.SessionInvitation:
                    int at = 0;
                    ReadOpaque(body, ref at); // From
                    byte[] key = ReadOpaque(body, ref at);
                    ReadOpaque(body, ref at); // Address: empty means that of the relay
                    return new Invitation(key, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at)), BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at + 4)) != 0);
                case MessageType.Response:
                    throw new IOException($"the relay refused: {Encoding.UTF8.GetString(body)}");
                default:
                    throw new IOException($"unexpected relay message {type}");
            }
        }
    }

    /// <summary>
    /// Joins a session: from then on the socket carries the peer's bytes. strelaysrv answers "already connected" when its session happens not to be
    /// waiting at that instant (usual on a busy machine); the key is spent then, and a new invitation is needed.
    /// </summary>
    public static NetworkStream JoinSession(IPEndPoint relay, Invitation invitation)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(new IPEndPoint(relay.Address, invitation.Port));
        NetworkStream stream = new(socket, ownsSocket: true);
        try
        {
            Write(stream, MessageType.JoinSessionRequest, Opaque(invitation.Key));
            ExpectSuccess(stream);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static void ExpectSuccess(Stream stream)
    {
        (MessageType type, byte[] body) = Read(stream);
        if (type != MessageType.Response || body.Length < 4 || BinaryPrimitives.ReadInt32BigEndian(body) != 0)
        {
            throw new IOException($"the relay answered {type}: {Encoding.UTF8.GetString(body)}");
        }
    }

    private static void Write(Stream stream, MessageType type, byte[] body)
    {
        byte[] message = new byte[12 + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(message, Magic);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(4), (int)type);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(8), body.Length);
        body.CopyTo(message.AsSpan(12));
        stream.Write(message);
        stream.Flush();
    }

    private static (MessageType Type, byte[] Body) Read(Stream stream)
    {
        byte[] header = new byte[12];
        stream.ReadExactly(header);
        int length = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(8));
        if (BinaryPrimitives.ReadUInt32BigEndian(header) != Magic || length is < 0 or > MaximumLength)
        {
            throw new IOException("not a relay message");
        }
        byte[] body = new byte[length];
        stream.ReadExactly(body);
        return ((MessageType)BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)), body);
    }

    private static byte[] Opaque(byte[] bytes)
    {
        byte[] xdr = new byte[4 + ((bytes.Length + 3) & ~3)];
        BinaryPrimitives.WriteInt32BigEndian(xdr, bytes.Length);
        bytes.CopyTo(xdr.AsSpan(4));
        return xdr;
    }

    private static byte[] ReadOpaque(byte[] body, ref int at)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at));
        byte[] bytes = body.AsSpan(at + 4, length).ToArray();
        at += 4 + ((length + 3) & ~3);
        return bytes;
    }
}
