using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Node.Relay;

/// <summary>How a relay ended.</summary>
/// <param name="BytesOut">Bytes from the client into the tunnel.</param>
/// <param name="BytesIn">Bytes from the tunnel to the client.</param>
/// <param name="Failure">Null when both directions ended in order.</param>
internal readonly record struct ClientRelayResult(long BytesOut, long BytesIn, Exception? Failure);

/// <summary>
/// Joins a client connection that Kestrel accepted and a tunnel connection. The end of one direction is passed on and the other carries on; a
/// failure is passed on as a reset, never as an end. Kestrel's transport reads ahead on the socket, so reading goes through its pipe; completing its
/// output would shut both directions down, so writing goes to the socket itself.
/// </summary>
internal static class ClientRelay
{
    /// <summary>Relays until both directions have ended. The caller disposes both.</summary>
    public static async Task<ClientRelayResult> RunAsync(ConnectionContext client, ConnectionContext tunnel)
    {
        Socket? socket = client.Features.Get<IConnectionSocketFeature>()?.Socket;
        var failures = new FirstFailure(() => { client.Abort(); Reset(tunnel, MuxResetReason.Cancelled); });
        Task<long> outward = failures.GuardAsync(CopyAsync(client.Transport.Input, tunnel.Transport.Output));
        Task<long> inward = failures.GuardAsync(socket is null
            ? CopyAsync(tunnel.Transport.Input, client.Transport.Output)
            : CopyAsync(tunnel.Transport.Input, socket));
        long bytesIn = await inward;
        if (!outward.IsCompleted && tunnel.ConnectionClosed.IsCancellationRequested)
        {
            // The far side is completely done: nobody waits for what the client may still say.
            client.Transport.Input.CancelPendingRead();
        }
        return new ClientRelayResult(await outward, bytesIn, failures.Exception);
    }

    /// <summary>Resets a tunnel connection with a reason the peer sees.</summary>
    public static void Reset(ConnectionContext tunnel, MuxResetReason reason)
    {
        if (tunnel.Features.Get<ITunnelPeerFeature>() is { } peer)
        {
            peer.Reset(reason);
        }
        else
        {
            tunnel.Abort();
        }
    }

    /// <summary>Copies until the reader ends, then completes the writer (half-close). Returns the bytes copied.</summary>
    public static async Task<long> CopyAsync(PipeReader from, PipeWriter to)
    {
        long total = 0;
        while (true)
        {
            ReadResult result = await from.ReadAsync();
            ReadOnlySequence<byte> data = result.Buffer;
            foreach (ReadOnlyMemory<byte> segment in data)
            {
                to.Write(segment.Span);
            }
            total += data.Length;
            from.AdvanceTo(data.End);
            // A receiver that takes no more ends this direction only; a reset shows in the other one.
            bool taken = data.IsEmpty || !(await to.FlushAsync()).IsCompleted;
            if (result.IsCompleted || result.IsCanceled || !taken)
            {
                await to.CompleteAsync();
                return total;
            }
        }
    }

    private static async Task<long> CopyAsync(PipeReader from, Socket to)
    {
        long total = 0;
        while (true)
        {
            ReadResult result = await from.ReadAsync();
            ReadOnlySequence<byte> data = result.Buffer;
            foreach (ReadOnlyMemory<byte> segment in data)
            {
                for (ReadOnlyMemory<byte> rest = segment; !rest.IsEmpty;)
                {
                    rest = rest[await to.SendAsync(rest, SocketFlags.None, CancellationToken.None)..];
                }
            }
            total += data.Length;
            from.AdvanceTo(data.End);
            if (result.IsCompleted)
            {
                to.Shutdown(SocketShutdown.Send);
                return total;
            }
        }
    }

    /// <summary>Keeps the first failure of two directions and tears both down once.</summary>
    private sealed class FirstFailure(Action tearDown)
    {
        private Exception? _exception;

        public Exception? Exception => _exception;

        public async Task<long> GuardAsync(Task<long> copy)
        {
            try
            {
                return await copy;
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
            {
                if (Interlocked.CompareExchange(ref _exception, e, null) is null)
                {
                    tearDown();
                }
                return 0;
            }
        }
    }
}
