using System.Threading.Tasks.Sources;

namespace Qanat.Tunnel.Sessions;

/// <summary>
/// One pending read or write of a <see cref="SessionStream"/>, used again for the next: waiting allocates nothing. Guarded by the stream's lock.
/// Continuations run on the thread pool, never on a link's loop.
/// </summary>
internal sealed class StreamOperation(SessionStream stream, Action<object?, CancellationToken> cancel) : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;

    public bool IsPending { get; private set; }

    /// <summary>Begins to wait. The registration runs outside the stream's lock when the token is already cancelled: see <see cref="Watch"/>.</summary>
    public short Begin(CancellationToken cancellationToken)
    {
        if (IsPending)
        {
            throw new InvalidOperationException("One read and one write at a time.");
        }
        _core.Reset();
        IsPending = true;
        _token = cancellationToken;
        return _core.Version;
    }

    /// <summary>Registers for cancellation, after the lock was left; a cancelled token completes the operation at once.</summary>
    public void Watch(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(cancel, stream);
            bool late;
            lock (stream.Gate)
            {
                late = !IsPending || _token != cancellationToken;
                if (!late)
                {
                    _registration = registration;
                }
            }
            if (late)
            {
                registration.Unregister();
            }
        }
    }

    public bool IsCancelledBy(CancellationToken cancellationToken) => IsPending && _token == cancellationToken;

    public void Complete(int result)
    {
        Finish();
        _core.SetResult(result);
    }

    public void Fail(Exception exception)
    {
        Finish();
        _core.SetException(exception);
    }

    int IValueTaskSource<int>.GetResult(short token) => _core.GetResult(token);

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Finish()
    {
        IsPending = false;
        _registration.Unregister();
        _registration = default;
        _token = default;
    }
}
