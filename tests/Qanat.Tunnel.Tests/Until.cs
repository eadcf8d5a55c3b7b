namespace Qanat.Tunnel.Tests;

/// <summary>Waits for what another thread will bring about, for a bounded time: longer than any time-out of the code under test, and far longer than a busy machine takes.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(120));
        while (!condition())
        {
            await Task.Delay(1, limit.Token);
        }
    }
}
