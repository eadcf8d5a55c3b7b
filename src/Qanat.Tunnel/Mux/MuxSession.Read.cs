using Microsoft.AspNetCore.Connections;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

public sealed partial class MuxSession
{
    private const int ReadBufferSize = 64 * 1024;

    private readonly List<MuxConnection> _dirty = [];
    private int _serving;
    private ServiceName _lastAccepted = new("", []);

    internal async Task ServeAsync(MuxConnection connection)
    {
        try
        {
            await _acceptor!.ServeAsync(connection, connection.Service).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The acceptor is application code; its failure is this connection's only.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (e is not (TunnelException or OperationCanceledException or ConnectionAbortedException or ConnectionResetException))
            {
                _logger.ServeFailed(e, PeerName, connection.Service);
            }
            connection.Reset(MuxResetReason.ServiceReset);
        }
        Interlocked.Decrement(ref _serving);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReadLoopAsync()
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(ReadBufferSize);
        int filled = 0;
        try
        {
            while (true)
            {
                int read = await _stream.ReadAsync(buffer.AsMemory(filled), _stop.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    End(_closing || IsDrained()
                        ? null
                        : new TunnelException(TunnelError.SessionLost, $"{PeerName} ended the tunnel."));
                    return;
                }
                BytesRead += read;
                _metrics?.Read(read);
                filled += read;
                int used = Process(buffer.AsSpan(0, filled));
                if (used < 0)
                {
                    MuxFault fault = _core.Fault;
                    _logger.MuxFault(PeerName, fault);
                    End(new TunnelException(TunnelError.ProtocolError, $"{PeerName} broke the multiplexing protocol ({fault})."));
                    return;
                }
                filled -= used;
                if (filled > 0 && used > 0)
                {
                    buffer.AsSpan(used, filled).CopyTo(buffer);
                }
            }
        }
#pragma warning disable CA1031 // Every failure of the stream ends the tunnel with its cause.
        catch (Exception e)
#pragma warning restore CA1031
        {
            End(ToTunnelException(e));
        }
    }

    /// <summary>Handles all whole frames; the number of bytes used, -1 when the peer broke the protocol.</summary>
    private int Process(ReadOnlySpan<byte> received)
    {
        ReadOnlySpan<byte> rest = received;
        long now = Now();
        bool valid = true;
        while (valid)
        {
            ParseStatus status = MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload);
            if (status == ParseStatus.NeedMoreData)
            {
                break;
            }
            if (status == ParseStatus.Malformed)
            {
                valid = false;
                _core.Fail(MuxFault.BadFrame);
                break;
            }
            valid = Handle(header, payload, now);
        }
        foreach (MuxConnection connection in _dirty)
        {
            connection.IsDirty = false;
            connection.Received.Publish();
        }
        _dirty.Clear();
        WakeWriter();
        return valid ? received.Length - rest.Length : -1;
    }

    private bool Handle(in MuxFrameHeader header, ReadOnlySpan<byte> payload, long now)
    {
        MuxSignal signal;
        MuxChannel? channel;
        MuxConnection? connection;
        bool isClosed, inputIsComplete;
        lock (_gate)
        {
            if (_ended)
            {
                return true;
            }
            signal = _core.Receive(header, payload, now, out channel);
            connection = channel?.Owner as MuxConnection;
            isClosed = channel?.IsClosed ?? false;
            inputIsComplete = channel?.FinReceived ?? false;
        }
        switch (signal)
        {
            case MuxSignal.Data:
                Deliver(connection!, payload);
                return true;
            case MuxSignal.Open:
                return Accept(header.ConnectionId, payload, now);
            case MuxSignal.Fin:
                connection!.Received.End(null);
                if (isClosed)
                {
                    CloseConnection(connection, null, inputIsComplete: true);
                }
                return true;
            case MuxSignal.Reset:
                CloseConnection(connection!, ResetError(connection!, channel!.ResetReason), inputIsComplete);
                return true;
            case MuxSignal.GoAway:
                CloseUnserved();
                return true;
            case MuxSignal.Fault:
                return false;
            default:
                return true;
        }
    }

    private void Deliver(MuxConnection connection, ReadOnlySpan<byte> bytes)
    {
        connection.Received.Append(bytes);
        if (!connection.IsDirty)
        {
            connection.IsDirty = true;
            _dirty.Add(connection);
        }
    }

    private bool Accept(uint id, ReadOnlySpan<byte> payload, long now)
    {
        MuxOpen.TryRead(payload, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> firstBytes);
        if (!name.SequenceEqual(_lastAccepted.Utf8))
        {
            _lastAccepted = new ServiceName(MuxOpen.DecodeName(name), name.ToArray());
        }
        string service = _lastAccepted.Service;
        // Handlers count until they have ended: closing connections early must not buy more of them.
        MuxResetReason refusal = Volatile.Read(ref _serving) >= _options.Limits.MaxInboundConnections
            ? MuxResetReason.TooManyConnections
            : Authorize(service);
        if (refusal != MuxResetReason.None)
        {
            _logger.OpenRefused(PeerName, service, refusal);
            _metrics?.Reset(refusal);
            lock (_gate)
            {
                return _ended || _core.Refuse(id, refusal);
            }
        }
        MuxConnection connection = new(this, service, isLocal: false);
        lock (_gate)
        {
            if (_ended)
            {
                return true;
            }
            connection.Channel = _core.Accept(id, connection);
            _core.ReceiveFirst(connection.Channel, firstBytes.Length, now);
            AcceptedCount++;
        }
        Interlocked.Increment(ref _serving);
        _metrics?.Opened(isLocal: false);
        if (!firstBytes.IsEmpty)
        {
            Deliver(connection, firstBytes);
        }
        ThreadPool.UnsafeQueueUserWorkItem(connection, preferLocal: false);
        return true;
    }

    private MuxResetReason Authorize(string service)
    {
        if (_acceptor is null)
        {
            return MuxResetReason.UnknownService;
        }
        try
        {
            return _acceptor.Authorize(PeerMid, service);
        }
#pragma warning disable CA1031 // Fails closed: an acceptor that throws has not allowed anything.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _logger.AuthorizeFailed(e, PeerName, service);
            return MuxResetReason.Denied;
        }
    }

    private void CloseUnserved()
    {
        while (true)
        {
            MuxConnection connection;
            lock (_gate)
            {
                if (_core.TakeUnserved() is not { } channel)
                {
                    return;
                }
                connection = (MuxConnection)channel.Owner!;
            }
            CloseConnection(connection, ResetError(connection, MuxResetReason.ShuttingDown), inputIsComplete: false);
        }
    }

    private TunnelException ResetError(MuxConnection connection, MuxResetReason reason)
    {
        TunnelError error = TunnelException.FromMuxReset(reason);
        string service = $"service '{connection.Service}'";
        return new TunnelException(error, error switch
        {
            TunnelError.Denied => $"{PeerName} does not allow this member its {service}.",
            TunnelError.UnknownService => $"{PeerName} publishes no {service}.",
            TunnelError.ServiceRefused => $"The address behind {service} of {PeerName} refused the connection.",
            TunnelError.ServiceTimeout => $"The address behind {service} of {PeerName} did not answer in time.",
            _ => $"The connection to {service} with {PeerName} ended: {TunnelException.ToCode(error)}.",
        });
    }

    private bool IsDrained()
    {
        lock (_gate)
        {
            return _core.IsDrained;
        }
    }
}
