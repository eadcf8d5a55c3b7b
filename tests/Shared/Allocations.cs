namespace Qanat.Tests;

/// <summary>Measures what code allocates, for tests that say "nothing".</summary>
internal static class Allocations
{
    private const int Attempts = 20;

    /// <summary>
    /// Bytes that <paramref name="action"/> allocates on this thread, after one run to warm up: the least of up to 20 runs. A collection that another test
    /// causes meanwhile counts the unused rest of this thread's allocation buffer, up to 8 KiB; what the action itself allocates is there in every run.
    /// </summary>
    public static long Of(Action action)
    {
        action();
        long least = long.MaxValue;
        for (int i = 0; i < Attempts && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
