using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Qanat.Bench.DelayWire;

/// <summary>
/// One direction of a delay wire: packets read from one TUN device are written to the other a fixed time later, in order. Unlimited rate;
/// at most <see cref="MaximumPackets"/> wait: more are dropped, as on any wire.
/// </summary>
public sealed unsafe partial class DelayLine
{
    private const int MaximumPackets = 8192;
    private const int ClockMonotonic = 1;
    private const int AbsoluteTime = 1;
    private readonly Queue<Packet> _queue = new(MaximumPackets);
    private readonly Stack<byte[]> _free = new(); // Last in, first out: the buffer used last is the one in the cache.
    private readonly TunDevice _from;
    private readonly TunDevice _to;
    private long _delayTicks;

    public DelayLine(TunDevice from, TunDevice to, TimeSpan delay)
    {
        (_from, _to) = (from, to);
        Delay = delay;
    }

    /// <summary>One-way delay; may be changed while running.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromSeconds((double)Volatile.Read(ref _delayTicks) / Stopwatch.Frequency);
        set => Volatile.Write(ref _delayTicks, (long)(value.TotalSeconds * Stopwatch.Frequency));
    }

    /// <summary>Packets dropped since the start.</summary>
    public long Dropped { get; private set; }

    public void Start(string name)
    {
        new Thread(ReadLoop) { IsBackground = true, Name = $"{name} in" }.Start();
        new Thread(WriteLoop) { IsBackground = true, Name = $"{name} out" }.Start();
    }

    private void ReadLoop()
    {
        byte[] buffer = new byte[TunDevice.MaximumPacket];
        int length;
        while ((length = _from.Read(buffer)) > 0)
        {
            long due = Stopwatch.GetTimestamp() + Volatile.Read(ref _delayTicks);
            lock (_queue)
            {
                if (_queue.Count == MaximumPackets)
                {
                    Dropped++;
                    continue;
                }
                _queue.Enqueue(new Packet(due, buffer, length));
                if (_queue.Count == 1)
                {
                    Monitor.Pulse(_queue);
                }
                buffer = _free.TryPop(out byte[]? free) ? free : new byte[TunDevice.MaximumPacket];
            }
        }
    }

    private void WriteLoop()
    {
        while (true)
        {
            Packet packet;
            lock (_queue)
            {
                while (!_queue.TryPeek(out packet))
                {
                    Monitor.Wait(_queue);
                }
            }
            SleepUntil(packet.Due);
            if (!_to.Write(packet.Buffer.AsSpan(0, packet.Length)))
            {
                Dropped++;
            }
            lock (_queue)
            {
                _queue.Dequeue();
                _free.Push(packet.Buffer);
            }
        }
    }

    /// <summary>Sleeps to an absolute time of the monotonic clock: no drift and no rounding up to milliseconds.</summary>
    private static void SleepUntil(long due)
    {
        while (Stopwatch.GetTimestamp() < due)
        {
            Timespec time = new() { Seconds = (nint)(due / Stopwatch.Frequency), Nanoseconds = (nint)(due % Stopwatch.Frequency * (1_000_000_000 / Stopwatch.Frequency)) };
            _ = clock_nanosleep(ClockMonotonic, AbsoluteTime, &time, null);
        }
    }

    private readonly record struct Packet(long Due, byte[] Buffer, int Length);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    [LibraryImport("libc")] private static partial int clock_nanosleep(int clock, int flags, Timespec* request, Timespec* remain);
}
