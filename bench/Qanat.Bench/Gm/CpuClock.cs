using System.Runtime.InteropServices;

namespace Qanat.Bench.Gm;

/// <summary>CPU time of the calling thread, pinned to one core, so that other load on the machine counts little.</summary>
internal static unsafe partial class CpuClock
{
    private const int ThreadCpuTime = 3;

    /// <summary>Pins the calling thread to the last core of those it may use.</summary>
    public static int Pin()
    {
        const int bytes = 128;
        byte* mask = stackalloc byte[bytes];
        new Span<byte>(mask, bytes).Clear();
        if (sched_getaffinity(0, bytes, mask) < 0)
            throw new InvalidOperationException("sched_getaffinity failed.");
        int core = (bytes * 8) - 1;
        while ((mask[core / 8] & (1 << (core % 8))) == 0)
        {
            core--;
        }
        new Span<byte>(mask, bytes).Clear();
        mask[core / 8] = (byte)(1 << (core % 8));
        if (sched_setaffinity(0, bytes, mask) != 0)
            throw new InvalidOperationException("sched_setaffinity failed.");
        return core;
    }

    public static double Seconds
    {
        get
        {
            long* time = stackalloc long[2];
            if (clock_gettime(ThreadCpuTime, time) != 0)
                throw new InvalidOperationException("clock_gettime failed.");
            return time[0] + (time[1] / 1e9);
        }
    }

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int process, nuint bytes, byte* mask);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int process, nuint bytes, byte* mask);

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);
}
