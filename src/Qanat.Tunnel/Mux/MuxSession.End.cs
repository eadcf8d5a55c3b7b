using System.Security.Authentication;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

public sealed partial class MuxSession
{
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Begins the orderly end: GOAWAY, RST for the connections in use; those disposed with bytes on the way deliver them; then the stream closes.
    /// </summary>
    private void Close()
    {
        List<MuxConnection> open = [];
        bool started;
        lock (_gate)
        {
            if (_ended || _closing)
            {
                return;
            }
            started = !ReferenceEquals(_writeLoop, Task.CompletedTask);
            _core.GoAway();
            MuxChannel? channel = _core.AnyChannel;
            while (channel is not null)
            {
                MuxChannel? next = MuxCore.After(channel);
                MuxConnection connection = (MuxConnection)channel.Owner!;
                if (connection.LingerUntil == 0 || !started)
                {
                    open.Add(connection);
                    _core.Reset(channel, MuxResetReason.ShuttingDown);
                }
                channel = next;
            }
            _closing = true;
        }
        foreach (MuxConnection connection in open)
        {
            CloseConnection(connection, new TunnelException(TunnelError.ShuttingDown, $"The tunnel to {PeerName} was closed by this side."), connection.Channel.FinReceived);
        }
        WakeWriter();
        if (!started)
        {
            End(null);
            _ = FinishAsync();
        }
        else
        {
            _ = EndLaterAsync();
        }
    }

    private async Task EndLaterAsync()
    {
        try
        {
            await Completion.WaitAsync(_options.CloseTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            End(null);
        }
    }

    /// <summary>The tunnel is over: every connection fails with the cause, both loops stop.</summary>
    private void End(TunnelException? error)
    {
        List<MuxConnection> open = [];
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }
            _ended = true;
            Error = error;
            while (_core.AnyChannel is { } channel)
            {
                open.Add((MuxConnection)channel.Owner!);
                _core.Abandon(channel);
            }
            _waitingOpens.Clear();
        }
        foreach (MuxConnection connection in open)
        {
            CloseConnection(
                connection,
                new TunnelException(error?.Error ?? TunnelError.ShuttingDown, error?.Message ?? $"The tunnel to {PeerName} has ended.", error),
                connection.Channel.FinReceived);
        }
        _openTimer.Dispose();
        _lingerTimer.Dispose();
        WakeWriter();
        _over.TrySetResult();
    }

    /// <summary>After the end: closes the stream and completes when both loops have stopped.</summary>
    private async Task FinishAsync()
    {
        await _over.Task.ConfigureAwait(false);
        try
        {
            // Frees a loop that waits in the stream, also when closing the stream does not.
            await _stop.CancelAsync().ConfigureAwait(false);
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The stream is given up either way.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
        await Task.WhenAll(_readLoop, _writeLoop).ConfigureAwait(false);
        _stop.Dispose();
        _logger.MuxEnded(PeerName, Error?.Error ?? TunnelError.None, OpenedCount, AcceptedCount);
        _completion.TrySetResult();
    }

    private TunnelException ToTunnelException(Exception e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is TunnelException known)
            {
                return known;
            }
        }
        // TLS reports changed bytes as an I/O error around its own exception.
        bool isSecurity = e is AuthenticationException ||
            e is IOException { InnerException: not null and not (IOException or System.Net.Sockets.SocketException or ObjectDisposedException or OperationCanceledException) };
        return isSecurity
            ? new TunnelException(TunnelError.SecurityFailure, $"Layer-2 TLS with {PeerName} failed: {e.Message}", e)
            : new TunnelException(TunnelError.SessionLost, $"The tunnel to {PeerName} was lost: {e.Message}", e);
    }
}
