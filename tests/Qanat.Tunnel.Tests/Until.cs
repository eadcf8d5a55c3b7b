namespace Qanat.Tunnel.Tests;

/// <summary>Waits for what another thread will bring about, for a bounded time.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(1, limit.Token);
        }
    }
}
