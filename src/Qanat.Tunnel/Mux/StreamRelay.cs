using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Qanat.Wire;

namespace Qanat.Tunnel.Mux;

/// <summary>Bytes that a relay has carried.</summary>
/// <param name="ToTunnel">Bytes into the tunnel.</param>
/// <param name="FromTunnel">Bytes out of the tunnel.</param>
/// <param name="IsComplete">Both directions ended in order.</param>
public readonly record struct RelayResult(long ToTunnel, long FromTunnel, bool IsComplete);

/// <summary>
/// Joins a tunnel connection to a socket or pipe pair: both ways, half-close passed on, no buffer held while idle. A failure of one side is
/// passed on as a reset of the other, never as an end of stream.
/// </summary>
public static class StreamRelay
{
    private const int LeastRead = 4096;
    private const int MostRead = 64 * 1024;
    private static readonly TimeSpan s_discardTime = TimeSpan.FromSeconds(5);

    /// <summary>Relays until both directions have ended or one side fails; then disposes both. Does not throw on failures of either side.</summary>
    /// <param name="tunnel">The tunnel connection.</param>
    /// <param name="socket">A connected stream socket.</param>
    /// <param name="cancellationToken">Resets both sides.</param>
    public static async Task<RelayResult> RunAsync(ConnectionContext tunnel, Socket socket, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        ArgumentNullException.ThrowIfNull(socket);
        using CancellationTokenRegistration cancel = cancellationToken.UnsafeRegister(static state =>
        {
            (ConnectionContext t, Socket s) = ((ConnectionContext, Socket))state!;
            ResetSocket(s);
            ResetTunnel(t, MuxResetReason.Cancelled);
        }, (tunnel, socket));
        Task<(long Bytes, bool InOrder)> up = SocketToTunnelAsync(socket, tunnel);
        (long down, bool downInOrder) = await TunnelToSocketAsync(tunnel, socket).ConfigureAwait(false);
        (long carried, bool upInOrder) = await up.ConfigureAwait(false);
        await tunnel.DisposeAsync().ConfigureAwait(false);
        socket.Dispose();
        return new RelayResult(carried, down, downInOrder && upInOrder);
    }

    private static async Task<(long Bytes, bool InOrder)> SocketToTunnelAsync(Socket socket, ConnectionContext tunnel)
    {
        PipeWriter output = tunnel.Transport.Output;
        long total = 0;
        int size = LeastRead;
        bool wait = true;
        try
        {
            while (true)
            {
                if (wait)
                {
                    // Holds no buffer until there is something to read.
                    await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
                }
                Memory<byte> room = output.GetMemory(size);
                int read = await socket.ReceiveAsync(room, SocketFlags.None).ConfigureAwait(false);
                if (read == 0)
                {
                    await output.CompleteAsync().ConfigureAwait(false);
                    return (total, true);
                }
                output.Advance(read);
                total += read;
                wait = read < room.Length;
                size = wait ? Math.Max(LeastRead, size / 2) : Math.Min(MostRead, size * 2);
                FlushResult flush = await output.FlushAsync().ConfigureAwait(false);
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    // The peer takes no more. What it still sends goes on; if it was a reset, the other direction sees it.
                    await output.CompleteAsync().ConfigureAwait(false);
                    await DiscardAsync(socket).ConfigureAwait(false);
                    return (total, false);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            ResetTunnel(tunnel, MuxResetReason.ServiceReset);
            return (total, false);
        }
    }

    /// <summary>
    /// Reads on for a while: closing a socket with unread bytes makes the kernel send a reset, which can destroy an answer that the
    /// application has not read yet.
    /// </summary>
    private static async Task DiscardAsync(Socket socket)
    {
        using CancellationTokenSource limit = new(s_discardTime);
        byte[] scratch = ArrayPool<byte>.Shared.Rent(LeastRead);
        try
        {
            while (await socket.ReceiveAsync(scratch, SocketFlags.None, limit.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (OperationCanceledException)
        {
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch, clearArray: true);
        }
    }

    private static async Task<(long Bytes, bool InOrder)> TunnelToSocketAsync(ConnectionContext tunnel, Socket socket)
    {
        PipeReader input = tunnel.Transport.Input;
        List<ArraySegment<byte>>? parts = null;
        long total = 0;
        try
        {
            while (true)
            {
                ReadResult result = await input.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = result.Buffer;
                if (buffer.IsSingleSegment)
                {
                    ReadOnlyMemory<byte> rest = buffer.First;
                    while (!rest.IsEmpty)
                    {
                        rest = rest[await socket.SendAsync(rest, SocketFlags.None).ConfigureAwait(false)..];
                    }
                }
                else
                {
                    parts ??= [];
                    await SendAsync(socket, buffer, parts).ConfigureAwait(false);
                }
                total += buffer.Length;
                input.AdvanceTo(buffer.End);
                if (result.IsCompleted)
                {
                    socket.Shutdown(SocketShutdown.Send);
                    return (total, true);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The application on the socket must see a reset, not an end; the peer likewise.
            ResetSocket(socket);
            ResetTunnel(tunnel, MuxResetReason.ServiceReset);
            return (total, false);
        }
    }

    private static async Task SendAsync(Socket socket, ReadOnlySequence<byte> buffer, List<ArraySegment<byte>> parts)
    {
        while (!buffer.IsEmpty)
        {
            parts.Clear();
            foreach (ReadOnlyMemory<byte> memory in buffer)
            {
                if (memory.Length > 0)
                {
                    MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> part);
                    parts.Add(part);
                }
                if (parts.Count == 64)
                {
                    break;
                }
            }
            buffer = buffer.Slice(await socket.SendAsync(parts, SocketFlags.None).ConfigureAwait(false));
        }
        parts.Clear();
    }

    private static void ResetTunnel(ConnectionContext tunnel, MuxResetReason reason)
    {
        if (tunnel.Features.Get<ITunnelPeerFeature>() is { } feature)
        {
            feature.Reset(reason);
        }
        else
        {
            tunnel.Abort();
        }
    }

    private static void ResetSocket(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already.
        }
        socket.Dispose();
    }
}
