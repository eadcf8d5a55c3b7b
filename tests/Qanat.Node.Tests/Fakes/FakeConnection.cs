using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Node.Tests.Fakes;

/// <summary>One end of an in-memory tunnel connection. Behaves like a multiplexed one: half-close, reset with a reason, abort.</summary>
internal sealed class FakeConnection : DefaultConnectionContext, ITunnelPeerFeature
{
    private readonly CancellationTokenSource _closed = new();
    private readonly Pipe _receive;
    private readonly Pipe _send;
    private readonly GuardedWriter _output;
    private FakeConnection _other = null!;
    private int _ended;

    private FakeConnection(Pipe receive, Pipe send, Mid peer, string peerName, string service) : base(Guid.NewGuid().ToString("N"))
    {
        (_receive, _send) = (receive, send);
        (PeerMid, PeerName, Service) = (peer, peerName, service);
        _output = new GuardedWriter(send.Writer);
        Transport = Application = new Duplex(receive.Reader, _output);
        ConnectionClosed = _closed.Token;
        Features.Set<ITunnelPeerFeature>(this);
    }

    public Mid PeerMid { get; }

    public string PeerName { get; }

    public string Service { get; }

    public MuxResetReason ResetWith { get; private set; }

    public bool Disposed { get; private set; }

    public static (FakeConnection Opener, FakeConnection Target) Pair(FakeMember opener, FakeMember target, string service)
    {
        var options = new PipeOptions(pauseWriterThreshold: 256 * 1024, resumeWriterThreshold: 128 * 1024, useSynchronizationContext: false);
        Pipe there = new(options), back = new(options);
        FakeConnection a = new(back, there, target.Mid, target.Name, service), b = new(there, back, opener.Mid, opener.Name, service);
        (a._other, b._other) = (b, a);
        return (a, b);
    }

    public void Reset(MuxResetReason reason)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }
        ResetWith = reason;
        var error = new TunnelException(TunnelException.FromMuxReset(reason), $"reset: {reason}");
        _other.OnReset(error);
        Break(new ConnectionAbortedException("Reset by this side."));
    }

    public override void Abort(ConnectionAbortedException abortReason) => Reset(MuxResetReason.Cancelled);

    public override async ValueTask DisposeAsync()
    {
        // Like close(2): what was written still goes out, then the end; unread data of the peer makes it a reset.
        _output.Complete();
        await _receive.Reader.CompleteAsync();
        Disposed = true;
        Interlocked.Exchange(ref _ended, 1);
        await base.DisposeAsync();
    }

    private void OnReset(TunnelException error)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            Break(error);
        }
    }

    private void Break(Exception error)
    {
        // Reading fails with the error; writing ends quietly, as on a pipe that nobody reads, and not before the error is there to be read.
        _other._output.End();
        _receive.Writer.Complete(error);
        _output.End();
        ThreadPool.UnsafeQueueUserWorkItem(static c => c._closed.Cancel(), this, preferLocal: false);
    }

    /// <summary>A writer that may be ended from outside while the application writes: later writes vanish and flushes say "completed".</summary>
    private sealed class GuardedWriter(PipeWriter inner) : PipeWriter
    {
        private readonly Lock _lock = new();
        private bool _ended;

        public void End()
        {
            lock (_lock)
            {
                _ended = true;
            }
            inner.CancelPendingFlush();
        }

        public override void Advance(int bytes)
        {
            lock (_lock)
            {
                if (!_ended)
                {
                    inner.Advance(bytes);
                }
            }
        }

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            lock (_lock)
            {
                return _ended ? new byte[Math.Max(sizeHint, 4096)] : inner.GetMemory(sizeHint);
            }
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            ValueTask<FlushResult> flush;
            lock (_lock)
            {
                if (_ended)
                {
                    return new FlushResult(false, true);
                }
                flush = inner.FlushAsync(cancellationToken);
            }
            FlushResult result = await flush;
            return _ended ? new FlushResult(false, true) : result;
        }

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null)
        {
            lock (_lock)
            {
                if (!_ended)
                {
                    inner.Complete(exception);
                    _ended = true;
                }
            }
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
