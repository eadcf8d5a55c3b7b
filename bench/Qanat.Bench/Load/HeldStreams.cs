using System.Net;
using System.Net.Sockets;
using System.Text;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Load;

/// <summary>Connections that are opened and then left alone.</summary>
/// <param name="Target">Address and port of the entry.</param>
/// <param name="Count">How many.</param>
/// <param name="Request">Text to send on each first, or null: streams stay idle. A request for many bytes that nobody reads makes a stalled reader.</param>
/// <param name="Connect">Authority for an HTTP CONNECT first, or null.</param>
/// <param name="UsedBytes">When above 0: each stream first fetches this many bytes from the bulk backend, so that it is idle after use.</param>
/// <param name="ReceiveBuffer">Bytes of the kernel's receive buffer; 0 lets it grow. Small for stalled readers, so that they are stalled soon and not after megabytes each.</param>
public sealed record HeldStreamsArguments(string Target, int Count, string? Request, string? Connect = null, int UsedBytes = 0, int ReceiveBuffer = 0);

/// <summary>Idle streams and stalled readers: held open until released.</summary>
public sealed class HeldStreams : IWorkerService
{
    private readonly List<Socket> _sockets = [];

    public int Port => 0;

    public int Count => _sockets.Count;

    public static Task<HeldStreams> OpenAsync(HeldStreamsArguments arguments) => Task.Factory.StartNew(() =>
    {
        HeldStreams held = new();
        byte[] buffer = new byte[4096];
        IPEndPoint target = IPEndPoint.Parse(arguments.Target);
        for (int i = 0; i < arguments.Count; i++)
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            held._sockets.Add(socket);
            socket.NoDelay = true;
            if (arguments.ReceiveBuffer > 0)
            {
                socket.ReceiveBufferSize = arguments.ReceiveBuffer;
            }
            socket.Connect(target);
            if (arguments.Connect is not null)
            {
                using NetworkStream stream = new(socket, ownsSocket: false);
                HttpConnect.Open(stream, arguments.Connect);
            }
            if (arguments.Request is not null)
            {
                socket.Send(Encoding.ASCII.GetBytes(arguments.Request));
            }
            if (arguments.UsedBytes > 0)
            {
                socket.ReceiveTimeout = 10_000;
                socket.Send(BulkProtocol.Request(BulkDirection.Down, arguments.UsedBytes));
                for (int read = 0, n; read < arguments.UsedBytes; read += n)
                {
                    n = socket.Receive(buffer);
                    if (n == 0)
                    {
                        throw new IOException($"stream {i} ended after {read} bytes");
                    }
                }
            }
        }
        return held;
    }, TaskCreationOptions.LongRunning);

    public void Dispose() => _sockets.ForEach(socket => socket.Close(0));
}
