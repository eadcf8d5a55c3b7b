using Qanat.Interop.Peers;
using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>64 KiB each way, both at once, and the end of a connection.</summary>
internal static class Exchange
{
    private static readonly TimeSpan s_closeLimit = TimeSpan.FromSeconds(5);

    /// <summary>Does it; our end closes first.</summary>
    /// <returns>How the peer closed.</returns>
    /// <exception cref="CellException">The data did not arrive as they were sent.</exception>
    public static async Task<string> RunAsync(SmSslStream stream, PeerRun peer, CancellationToken cancellationToken)
    {
        byte[] sent = Payload.Create(), received = new byte[Payload.Length];
        Task sending = WriteAsync(stream, sent, peer.MaxRecordBytes, cancellationToken);
        Task peerSending = peer.IsEcho || peer is PeerProcess { OwnPayload: not null } ? Task.CompletedTask : peer.SendAsync(Payload.Create(), cancellationToken);
        await stream.ReadExactlyAsync(received, cancellationToken);
        await Task.WhenAll(sending, peerSending);
        if (!Payload.IsWhole(received) || (peer.IsEcho && !received.AsSpan().SequenceEqual(sent)))
        {
            throw new CellException("the data that came from the peer are not those that it was to send");
        }
        if (peer is PeerProcess && !peer.IsEcho && !await peer.HasReceivedAsync(sent, cancellationToken))
        {
            throw new CellException("the peer ended before it had all data");
        }
        await stream.ShutdownAsync(cancellationToken);
        string close = await ReadToEndAsync(stream, cancellationToken);
        if (peer is not PeerProcess && !peer.IsEcho && !await peer.HasReceivedAsync(sent, cancellationToken))
        {
            throw new CellException("the peer did not receive the data as they were sent");
        }
        return close;
    }

    private static async Task WriteAsync(SmSslStream stream, ReadOnlyMemory<byte> data, int pieceBytes, CancellationToken cancellationToken)
    {
        for (int offset = 0; offset < data.Length; offset += pieceBytes)
        {
            await stream.WriteAsync(data.Slice(offset, Math.Min(pieceBytes, data.Length - offset)), cancellationToken);
        }
    }

    /// <summary>Reads until the peer closes, and says how it does.</summary>
    /// <exception cref="CellException">More data came.</exception>
    public static async Task<string> ReadToEndAsync(SmSslStream stream, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timeout = new(s_closeLimit);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await stream.ReadAsync(new byte[1], either.Token) == 0 ? "close_notify" : throw new CellException("the peer sent more than it was to send");
        }
        catch (SmTlsException e) when (e.Error is SmTlsError.Truncated)
        {
            return "end without close_notify";
        }
        catch (IOException)
        {
            return "reset";
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return "stays open";
        }
    }
}
