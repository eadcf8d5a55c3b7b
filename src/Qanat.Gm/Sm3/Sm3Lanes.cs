using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>
/// SM3 and HMAC-SM3 of many independent messages at once: sixteen with AVX-512, eight with AVX2, four with any 128-bit vectors. One message is a serial chain that
/// leaves most of a core idle; this is how records of one bulk write, or of many connections, use it. Messages may differ in length: a lane that is done takes the next.
/// The results are those of <see cref="Sm3"/> and <see cref="HmacSm3"/>. Allocates nothing. Thread-safe.
/// </summary>
public static unsafe class Sm3Lanes
{
    /// <summary>Most messages that are under way at once on any machine.</summary>
    public const int MaxLaneCount = 16;

    /// <summary>Messages prepared together.</summary>
    private const int Batch = 32;

    /// <summary>Messages at once on this machine: 16, 8, 4, or 1 without vectors.</summary>
    public static int LaneCount { get; } = Avx512BW.IsSupported ? 16 : Avx2.IsSupported ? 8 : Vector128.IsHardwareAccelerated ? 4 : 1;

    /// <summary>Writes the SM3 hash of each message.</summary>
    /// <param name="messages">Any number, each of any length; must not overlap <paramref name="destination"/>.</param>
    /// <param name="destination">32 bytes for each message, in their order.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is too short.</exception>
    public static void HashData(ReadOnlySpan<ReadOnlyMemory<byte>> messages, Span<byte> destination) => Compute(default, messages, destination, LaneCount);

    /// <summary>Writes the HMAC-SM3 of each message under the key of the same index.</summary>
    /// <param name="keys">One for each message; the same object may stand there more than once. What was appended to them is neither used nor changed.</param>
    /// <param name="messages">Any number, each of any length; must not overlap <paramref name="destination"/>.</param>
    /// <param name="destination">32 bytes for each message, in their order.</param>
    /// <exception cref="ArgumentOutOfRangeException">The numbers of keys and messages differ, or <paramref name="destination"/> is too short.</exception>
    /// <exception cref="ObjectDisposedException">A key was disposed.</exception>
    public static void HmacData(ReadOnlySpan<HmacSm3> keys, ReadOnlySpan<ReadOnlyMemory<byte>> messages, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(keys.Length, messages.Length, nameof(keys));
        Compute(keys, messages, destination, LaneCount);
    }

    /// <summary>Hashes, or MACs where there are keys, with a given number of lanes.</summary>
    [SkipLocalsInit]
    internal static void Compute(ReadOnlySpan<HmacSm3> keys, ReadOnlySpan<ReadOnlyMemory<byte>> messages, Span<byte> destination, int lanes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan((long)destination.Length, (long)messages.Length * Sm3.HashSizeInBytes, nameof(destination));
        Sm3LaneJob* jobs = stackalloc Sm3LaneJob[Batch];
        Pins pins = default;
        Sm3Chaining start = Sm3Chaining.InitialValue;
        try
        {
            for (int done = 0; done < messages.Length; done += Batch)
            {
                int count = Math.Min(Batch, messages.Length - done);
                for (int i = 0; i < count; i++)
                {
                    pins[i] = messages[done + i].Pin();
                    bool keyed = !keys.IsEmpty;
                    Sm3LaneJob.Prepare(jobs + i, keyed ? keys[done + i].Pads.Inner : start, keyed ? Sm3.BlockSizeInBytes : 0, default, (byte*)pins[i].Pointer, messages[done + i].Length);
                }
                Run(jobs, count, lanes);
                for (int i = 0; i < count; i++)
                {
                    pins[i].Dispose();
                }
                if (!keys.IsEmpty)
                {
                    for (int i = 0; i < count; i++)
                    {
                        Sm3LaneJob.PrepareOuter(jobs + i, keys[done + i].Pads);
                    }
                    Run(jobs, count, lanes);
                }
                for (int i = 0; i < count; i++)
                {
                    jobs[i].Chaining.Write(destination[((done + i) * Sm3.HashSizeInBytes)..]);
                }
            }
        }
        finally
        {
            foreach (ref MemoryHandle pin in (Span<MemoryHandle>)pins)
            {
                pin.Dispose();
            }
            Sm3LaneJob.Clear(jobs, Batch);
        }
    }

    /// <summary>Runs prepared jobs to their end.</summary>
    internal static void Run(Sm3LaneJob* jobs, int count) => Run(jobs, count, LaneCount);

    /// <summary>Runs prepared jobs to their end with a given number of lanes.</summary>
    internal static void Run(Sm3LaneJob* jobs, int count, int lanes)
    {
        switch (lanes)
        {
            case 16:
                Sm3LaneRun<Sm3Lanes512, Vector512<uint>>.Run(jobs, count);
                break;
            case 8:
                Sm3LaneRun<Sm3Lanes256, Vector256<uint>>.Run(jobs, count);
                break;
            case 4:
                Sm3LaneRun<Sm3Lanes128, Vector128<uint>>.Run(jobs, count);
                break;
            default:
                for (int i = 0; i < count; i++)
                {
                    RunAlone(jobs + i, 0, 0);
                }
                break;
        }
    }

    /// <summary>Takes one job to its end on its own.</summary>
    /// <param name="job">The job.</param>
    /// <param name="part">The part it has come to.</param>
    /// <param name="skip">Blocks of that part that are done.</param>
    internal static void RunAlone(Sm3LaneJob* job, int part, int skip)
    {
        for (; part < Sm3LaneJob.Parts; part++, skip = 0)
        {
            int blocks = Sm3LaneJob.GetPart(job, part, out byte* data);
            Sm3Compression.Compress(ref job->Chaining, new ReadOnlySpan<byte>(data + ((nint)skip * Sm3.BlockSizeInBytes), (blocks - skip) * Sm3.BlockSizeInBytes));
        }
    }

    [InlineArray(Batch)]
    private struct Pins
    {
        private MemoryHandle _pin0;
    }
}
