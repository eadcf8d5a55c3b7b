using Qanat.Cli.Demo.Capture;

namespace Qanat.E2E.Harness;

/// <summary>A loopback TCP proxy that a test can cut (RST both sides) or freeze (swallow nothing, pass nothing: a half-open link).</summary>
internal sealed class ChaosProxy : IAsyncDisposable
{
    private readonly LoopbackProxy _proxy;
    private volatile TaskCompletionSource _gate = Opened();

    public ChaosProxy(int targetPort) => _proxy = new LoopbackProxy(0, targetPort, () => (_, _) => new ValueTask(_gate.Task));

    public int Port => _proxy.Port;

    /// <summary>Live connections through the proxy.</summary>
    public int Connections => _proxy.Connections;

    /// <summary>Resets every connection now; new ones are accepted.</summary>
    public int Cut() => _proxy.Cut();

    /// <summary>Stops passing bytes without closing anything: as a cable pulled. New connections are accepted and hang.</summary>
    public void Freeze() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Passes bytes again.</summary>
    public void Thaw()
    {
        TaskCompletionSource gate = _gate;
        _gate = Opened();
        gate.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        Thaw();
        await _proxy.DisposeAsync();
    }

    private static TaskCompletionSource Opened()
    {
        TaskCompletionSource gate = new();
        gate.SetResult();
        return gate;
    }
}
