using System.Threading.Tasks.Sources;

namespace Qanat.Tunnel.Links;

/// <summary>Auto-reset signal for one waiter: sets coalesce, waiting does not allocate.</summary>
internal sealed class AsyncSignal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Signalled = 1;
    private const int Waiting = 2;
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private int _state;

    /// <summary>Wakes the waiter, or the next one, on the pool. Cheap; may be called under a lock.</summary>
    public void Set() => Wake(inline: false);

    /// <summary>As <see cref="Set"/>, but runs the waiter on this thread until it waits again. Never under a lock.</summary>
    public void SetInline() => Wake(inline: true);

    private void Wake(bool inline)
    {
        // A full fence: what the caller wrote before is seen by the waiter, whichever of the two comes first.
        if (Interlocked.Exchange(ref _state, Signalled) == Waiting)
        {
            // The waiter resets the state when it runs; between now and then further sets find Signalled and coalesce.
            _source.RunContinuationsAsynchronously = !inline;
            _source.SetResult(true);
        }
    }

    /// <summary>Completes at the next <see cref="Set"/>, at once when one came since the last wait. One waiter at a time.</summary>
    public ValueTask WaitAsync()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Signalled) == Signalled)
        {
            return default;
        }
        _source.Reset();
        return Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle ? new ValueTask(this, _source.Version) : TakeSignal();
    }

    private ValueTask TakeSignal()
    {
        Interlocked.Exchange(ref _state, Idle);
        return default;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _source.GetResult(token);
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
