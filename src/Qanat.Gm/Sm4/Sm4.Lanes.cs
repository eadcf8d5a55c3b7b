using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

public sealed unsafe partial class Sm4
{
    /// <summary>
    /// CBC encryption of several independent records in place, 16 at a time. One record has to wait for each of its blocks; side by side they fill the vectors, which
    /// is many times faster. When a record ends, the next one takes its lane.
    /// </summary>
    /// <param name="buffer">Holds all records and initialization vectors.</param>
    /// <param name="lanes">The records, in any number; their data must not overlap.</param>
    /// <exception cref="ArgumentException">A record reaches beyond the buffer, or its length is not a multiple of 16; nothing was changed.</exception>
    [SkipLocalsInit]
    public static void EncryptCbcLanes(Span<byte> buffer, ReadOnlySpan<Sm4CbcLane> lanes)
    {
        CheckLanes(buffer, lanes);
        if (lanes.IsEmpty)
            return;
        if (lanes.Length == 1)
        {
            Span<byte> data = buffer.Slice(lanes[0].Offset, lanes[0].Length);
            lanes[0].Cipher.EncryptCbc(data, buffer.Slice(lanes[0].InitializationVectorOffset, BlockSizeInBytes), data);
            return;
        }

        const int count = Sm4Kernel.Lanes;
        byte* memory = stackalloc byte[(Sm4KeySchedule.SizeInBytes * count) + 64];
        uint* schedules = (uint*)((nint)(memory + 63) & ~63);
        byte* state = stackalloc byte[count * BlockSizeInBytes];
        byte** data0 = stackalloc byte*[count];
        int* left = stackalloc int[count];
        new Span<byte>(state, count * BlockSizeInBytes).Clear();
        new Span<byte>(schedules, Sm4KeySchedule.SizeInBytes * count).Clear();
        Sm4Kernel kernel = lanes[0].Cipher._kernel;
        fixed (byte* start = buffer)
        {
            int next = 0, active = 0;
            for (int lane = 0; lane < count; lane++)
            {
                active += Take(kernel, lane, ref next, start, lanes, schedules, state, data0, left);
            }
            while (active > 0)
            {
                for (int lane = 0; lane < count; lane++)
                {
                    if (left[lane] > 0)
                    {
                        byte* block = state + (lane * BlockSizeInBytes);
                        (Vector128.Load(block) ^ Vector128.Load(data0[lane])).Store(block);
                    }
                }
                kernel.EncryptLanes(schedules, state);
                for (int lane = 0; lane < count; lane++)
                {
                    if (left[lane] == 0)
                        continue;
                    Vector128.Load(state + (lane * BlockSizeInBytes)).Store(data0[lane]);
                    data0[lane] += BlockSizeInBytes;
                    left[lane] -= BlockSizeInBytes;
                    if (left[lane] == 0)
                        active += Take(kernel, lane, ref next, start, lanes, schedules, state, data0, left) - 1;
                }
            }
        }
        CryptographicOperations.ZeroMemory(new Span<byte>(schedules, Sm4KeySchedule.SizeInBytes * count));
        CryptographicOperations.ZeroMemory(new Span<byte>(state, count * BlockSizeInBytes));
    }

    /// <summary>Gives the lane the next record that has data. Returns 1, or 0 when none is left.</summary>
    private static int Take(Sm4Kernel kernel, int lane, ref int next, byte* buffer, ReadOnlySpan<Sm4CbcLane> lanes, uint* schedules, byte* state, byte** data, int* left)
    {
        left[lane] = 0;
        while (next < lanes.Length && lanes[next].Length == 0)
            next++;
        if (next == lanes.Length)
            return 0;
        ref readonly Sm4CbcLane record = ref lanes[next++];
        Vector128.Load(buffer + record.InitializationVectorOffset).Store(state + (lane * BlockSizeInBytes));
        data[lane] = buffer + record.Offset;
        left[lane] = record.Length;
        uint* column = schedules + kernel.LaneOf(lane);
        fixed (byte* schedule = &record.Cipher._schedules.Start)
        {
            for (int round = 0; round < Sm4KeySchedule.Rounds; round++)
            {
                column[round * Sm4Kernel.Lanes] = ((uint*)schedule)[round];
            }
        }
        return 1;
    }

    private static void CheckLanes(ReadOnlySpan<byte> buffer, ReadOnlySpan<Sm4CbcLane> lanes)
    {
        for (int i = 0; i < lanes.Length; i++)
        {
            ref readonly Sm4CbcLane lane = ref lanes[i];
            if (lane.Cipher is null)
                throw new ArgumentException($"Record {i} has no key.", nameof(lanes));
            if (lane.Length < 0 || lane.Length % BlockSizeInBytes != 0)
                throw new ArgumentException($"Record {i} has {lane.Length} bytes, which is not a multiple of 16.", nameof(lanes));
            if ((uint)lane.Offset > (uint)buffer.Length || lane.Length > buffer.Length - lane.Offset)
                throw new ArgumentException($"Record {i}, {lane.Length} bytes from {lane.Offset}, reaches beyond the buffer of {buffer.Length}.", nameof(lanes));
            if ((uint)lane.InitializationVectorOffset > (uint)buffer.Length || BlockSizeInBytes > buffer.Length - lane.InitializationVectorOffset)
                throw new ArgumentException($"The initialization vector of record {i}, at {lane.InitializationVectorOffset}, reaches beyond the buffer of {buffer.Length}.", nameof(lanes));
            _ = lane.Cipher._schedules.Start;
        }
    }
}
