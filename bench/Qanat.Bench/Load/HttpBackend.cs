using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Load;

/// <summary>
/// The web service behind every path: raw sockets, keep-alive, HTTP/1.1 without bodies in requests. <c>/</c> answers 1 KiB, <c>/bytes/N</c> answers N bytes.
/// As cheap as it can be, so that it weighs little beside what is measured.
/// </summary>
public sealed class HttpBackend : IWorkerService
{
    public const int BodyLength = 1024;
    private static readonly byte[] s_keepAlive = Answer("keep-alive");
    private static readonly byte[] s_close = Answer("close");
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private int _open;

    public HttpBackend()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Any, 0));
        _listener.Listen(4096);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public int Count => Volatile.Read(ref _open);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptAsync().ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Released.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Interlocked.Increment(ref _open);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(8192);
        try
        {
            socket.NoDelay = true;
            int held = 0;
            while (true)
            {
                int read = await socket.ReceiveAsync(buffer.AsMemory(held), SocketFlags.None).ConfigureAwait(false);
                if (read == 0)
                {
                    break;
                }
                held += read;
                int end;
                while ((end = buffer.AsSpan(0, held).IndexOf("\r\n\r\n"u8)) >= 0)
                {
                    bool close = buffer.AsSpan(0, end).IndexOf("onnection: close"u8) >= 0;
                    long streamed = StreamedLength(buffer.AsSpan(0, end));
                    if (streamed >= 0)
                    {
                        await StreamAsync(socket, streamed, close).ConfigureAwait(false);
                    }
                    else
                    {
                        await socket.SendAsync(close ? s_close : s_keepAlive, SocketFlags.None).ConfigureAwait(false);
                    }
                    if (close)
                    {
                        socket.Shutdown(SocketShutdown.Both);
                        return;
                    }
                    buffer.AsSpan(end + 4, held - end - 4).CopyTo(buffer);
                    held -= end + 4;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client went away.
        }
        finally
        {
            socket.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
            Interlocked.Decrement(ref _open);
        }
    }

    private static async Task StreamAsync(Socket socket, long bytes, bool close)
    {
        await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\nConnection: {(close ? "close" : "keep-alive")}\r\n\r\n"), SocketFlags.None).ConfigureAwait(false);
        for (long sent = 0; sent < bytes;)
        {
            sent += await socket.SendAsync(BulkProtocol.Pattern(sent, (int)Math.Min(128 * 1024, bytes - sent)), SocketFlags.None).ConfigureAwait(false);
        }
    }

    /// <summary>N of <c>/bytes/N</c> in the request line, or -1.</summary>
    private static long StreamedLength(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> line = head[..head.IndexOf((byte)'\r')];
        int at = line.IndexOf("/bytes/"u8);
        return at >= 0 && Utf8Parser.TryParse(line[(at + 7)..], out long bytes, out _) ? bytes : -1;
    }

    private static byte[] Answer(string connection) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {BodyLength}\r\nConnection: {connection}\r\n\r\n"), .. Enumerable.Repeat((byte)'q', BodyLength)];
}
