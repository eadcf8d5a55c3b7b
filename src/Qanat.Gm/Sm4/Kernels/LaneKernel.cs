using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>The modes over any width of lanes. Up to four states run side by side, since one round is a long chain of dependent instructions.</summary>
/// <typeparam name="TLanes">The lanes of the bulk modes.</typeparam>
/// <typeparam name="T">Their vector.</typeparam>
/// <typeparam name="TSingle">Lanes for CBC encryption, which has one block at a time.</typeparam>
internal unsafe class LaneKernel<TLanes, T, TSingle>(Sm4Implementation implementation, GhashKernel ghash) : Sm4Kernel
    where TLanes : struct, ISm4Lanes<T>
    where T : unmanaged
    where TSingle : struct, ISm4Lanes<Vector128<uint>>
{
    public override Sm4Implementation Implementation => implementation;

    public override GhashKernel Ghash => ghash;

    public override int LaneOf(int block) => (block / TLanes.Blocks * TLanes.Blocks) + TLanes.LaneOf(block % TLanes.Blocks);

    public override void Ecb(uint* schedule, byte* source, byte* destination, nuint blocks)
    {
        int bytes = TLanes.Blocks * BlockSize;
        nuint groups = blocks / (4 * (nuint)TLanes.Blocks);
        EcbFour(schedule, source, destination, groups);
        source += (nint)groups * 4 * bytes;
        destination += (nint)groups * 4 * bytes;
        blocks -= groups * 4 * (nuint)TLanes.Blocks;
        for (; blocks >= (nuint)TLanes.Blocks; blocks -= (nuint)TLanes.Blocks)
        {
            EcbOne(schedule, source, destination);
            source += bytes;
            destination += bytes;
        }
        if (blocks > 0)
            EcbPart(schedule, source, destination, (int)blocks);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EcbFour(uint* schedule, byte* source, byte* destination, nuint groups)
    {
        int bytes = TLanes.Blocks * BlockSize;
        for (; groups > 0; groups--)
        {
            TLanes.Load(source, out T a0, out T b0, out T c0, out T d0);
            TLanes.Load(source + bytes, out T a1, out T b1, out T c1, out T d1);
            TLanes.Load(source + (2 * bytes), out T a2, out T b2, out T c2, out T d2);
            TLanes.Load(source + (3 * bytes), out T a3, out T b3, out T c3, out T d3);
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                Four(schedule + r, ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1, ref a2, ref b2, ref c2, ref d2, ref a3, ref b3, ref c3, ref d3);
            }
            TLanes.Store(destination, a0, b0, c0, d0);
            TLanes.Store(destination + bytes, a1, b1, c1, d1);
            TLanes.Store(destination + (2 * bytes), a2, b2, c2, d2);
            TLanes.Store(destination + (3 * bytes), a3, b3, c3, d3);
            source += 4 * bytes;
            destination += 4 * bytes;
        }
    }

    public override void Ctr(uint* schedule, uint* counter, byte* source, byte* destination, nuint blocks)
    {
        int bytes = TLanes.Blocks * BlockSize;
        nuint groups = blocks / (4 * (nuint)TLanes.Blocks);
        CtrFour(schedule, counter, source, destination, groups);
        source += (nint)groups * 4 * bytes;
        destination += (nint)groups * 4 * bytes;
        blocks -= groups * 4 * (nuint)TLanes.Blocks;
        for (; blocks >= (nuint)TLanes.Blocks; blocks -= (nuint)TLanes.Blocks)
        {
            CtrOne(schedule, counter, source, destination);
            source += bytes;
            destination += bytes;
        }
        if (blocks > 0)
            CtrPart(schedule, counter, source, destination, (int)blocks);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CtrFour(uint* schedule, uint* counter, byte* source, byte* destination, nuint groups)
    {
        uint state = (uint)TLanes.Blocks;
        int bytes = TLanes.Blocks * BlockSize;
        uint count = counter[3];
        for (; groups > 0; groups--)
        {
            T a0 = TLanes.Broadcast(counter[0]), b0 = TLanes.Broadcast(counter[1]), c0 = TLanes.Broadcast(counter[2]), d0 = TLanes.Count(count);
            T a1 = a0, b1 = b0, c1 = c0, d1 = TLanes.Count(count + state);
            T a2 = a0, b2 = b0, c2 = c0, d2 = TLanes.Count(count + (2 * state));
            T a3 = a0, b3 = b0, c3 = c0, d3 = TLanes.Count(count + (3 * state));
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                Four(schedule + r, ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1, ref a2, ref b2, ref c2, ref d2, ref a3, ref b3, ref c3, ref d3);
            }
            TLanes.StoreXor(source, destination, a0, b0, c0, d0);
            TLanes.StoreXor(source + bytes, destination + bytes, a1, b1, c1, d1);
            TLanes.StoreXor(source + (2 * bytes), destination + (2 * bytes), a2, b2, c2, d2);
            TLanes.StoreXor(source + (3 * bytes), destination + (3 * bytes), a3, b3, c3, d3);
            count += 4 * state;
            source += 4 * bytes;
            destination += 4 * bytes;
        }
        counter[3] = count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CtrOne(uint* schedule, uint* counter, byte* source, byte* destination)
    {
        T a = TLanes.Broadcast(counter[0]), b = TLanes.Broadcast(counter[1]), c = TLanes.Broadcast(counter[2]), d = TLanes.Count(counter[3]);
        One(schedule, ref a, ref b, ref c, ref d);
        TLanes.StoreXor(source, destination, a, b, c, d);
        counter[3] += (uint)TLanes.Blocks;
    }

    public override void KeyStream(uint* schedule, uint* counter, uint first, byte* destination, int blocks)
    {
        uint next = counter[3] - 1;
        while (blocks > 2 * TLanes.Blocks)
        {
            KeyStreamFour(schedule, counter, first, next, destination);
            destination += 4 * TLanes.Blocks * BlockSize;
            next += 4 * (uint)TLanes.Blocks;
            first = next;
            blocks -= 4 * TLanes.Blocks;
        }
        if (blocks > TLanes.Blocks)
            KeyStreamTwo(schedule, counter, first, next, destination);
        else if (blocks > 0)
            KeyStreamOne(schedule, counter, first, next, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeyStreamFour(uint* schedule, uint* counter, uint first, uint next, byte* destination)
    {
        uint state = (uint)TLanes.Blocks;
        int bytes = TLanes.Blocks * BlockSize;
        T a0 = TLanes.Broadcast(counter[0]), b0 = TLanes.Broadcast(counter[1]), c0 = TLanes.Broadcast(counter[2]), d0 = TLanes.WithFirst(TLanes.Count(next), first);
        T a1 = a0, b1 = b0, c1 = c0, d1 = TLanes.Count(next + state);
        T a2 = a0, b2 = b0, c2 = c0, d2 = TLanes.Count(next + (2 * state));
        T a3 = a0, b3 = b0, c3 = c0, d3 = TLanes.Count(next + (3 * state));
        for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
        {
            Four(schedule + r, ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1, ref a2, ref b2, ref c2, ref d2, ref a3, ref b3, ref c3, ref d3);
        }
        TLanes.Store(destination, a0, b0, c0, d0);
        TLanes.Store(destination + bytes, a1, b1, c1, d1);
        TLanes.Store(destination + (2 * bytes), a2, b2, c2, d2);
        TLanes.Store(destination + (3 * bytes), a3, b3, c3, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeyStreamTwo(uint* schedule, uint* counter, uint first, uint next, byte* destination)
    {
        T a0 = TLanes.Broadcast(counter[0]), b0 = TLanes.Broadcast(counter[1]), c0 = TLanes.Broadcast(counter[2]), d0 = TLanes.WithFirst(TLanes.Count(next), first);
        T a1 = a0, b1 = b0, c1 = c0, d1 = TLanes.Count(next + (uint)TLanes.Blocks);
        Two(schedule, ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1);
        TLanes.Store(destination, a0, b0, c0, d0);
        TLanes.Store(destination + (TLanes.Blocks * BlockSize), a1, b1, c1, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeyStreamOne(uint* schedule, uint* counter, uint first, uint next, byte* destination)
    {
        T a = TLanes.Broadcast(counter[0]), b = TLanes.Broadcast(counter[1]), c = TLanes.Broadcast(counter[2]), d = TLanes.WithFirst(TLanes.Count(next), first);
        One(schedule, ref a, ref b, ref c, ref d);
        TLanes.Store(destination, a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void CbcEncrypt(uint* schedule, byte* chain, byte* source, byte* destination, nuint blocks)
    {
        Vector128<byte> swap = ByteOrder.SwapWords;
        Vector128<uint> last = Ssse3.Shuffle(Vector128.Load(chain), swap).AsUInt32();
        for (; blocks > 0; blocks--)
        {
            Vector128<uint> a = last ^ Ssse3.Shuffle(Vector128.Load(source), swap).AsUInt32();
            Vector128<uint> b = Sse2.Shuffle(a, 0x55), c = Sse2.Shuffle(a, 0xAA), d = Sse2.Shuffle(a, 0xFF);
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                a = TSingle.Round(a, b, c, d, TSingle.Broadcast(schedule[r]));
                b = TSingle.Round(b, c, d, a, TSingle.Broadcast(schedule[r + 1]));
                c = TSingle.Round(c, d, a, b, TSingle.Broadcast(schedule[r + 2]));
                d = TSingle.Round(d, a, b, c, TSingle.Broadcast(schedule[r + 3]));
            }
            last = Sse2.UnpackLow(Sse2.UnpackLow(d, c).AsUInt64(), Sse2.UnpackLow(b, a).AsUInt64()).AsUInt32();
            if (destination != null)
            {
                Ssse3.Shuffle(last.AsByte(), swap).Store(destination);
                destination += BlockSize;
            }
            source += BlockSize;
        }
        Ssse3.Shuffle(last.AsByte(), swap).Store(chain);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void EncryptLanes(uint* schedules, byte* blocks)
    {
        int bytes = TLanes.Blocks * BlockSize;
        if (TLanes.Blocks == Lanes)
        {
            TLanes.Load(blocks, out T a, out T b, out T c, out T d);
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                uint* keys = schedules + (r * Lanes);
                a = TLanes.Round(a, b, c, d, TLanes.LoadWords(keys));
                b = TLanes.Round(b, c, d, a, TLanes.LoadWords(keys + Lanes));
                c = TLanes.Round(c, d, a, b, TLanes.LoadWords(keys + (2 * Lanes)));
                d = TLanes.Round(d, a, b, c, TLanes.LoadWords(keys + (3 * Lanes)));
            }
            TLanes.Store(blocks, a, b, c, d);
            return;
        }
        for (int half = 0; half < Lanes; half += 2 * TLanes.Blocks)
        {
            byte* place = blocks + (half * BlockSize);
            TLanes.Load(place, out T a0, out T b0, out T c0, out T d0);
            TLanes.Load(place + bytes, out T a1, out T b1, out T c1, out T d1);
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                uint* keys = schedules + (r * Lanes) + half;
                a0 = TLanes.Round(a0, b0, c0, d0, TLanes.LoadWords(keys));
                a1 = TLanes.Round(a1, b1, c1, d1, TLanes.LoadWords(keys + TLanes.Blocks));
                keys += Lanes;
                b0 = TLanes.Round(b0, c0, d0, a0, TLanes.LoadWords(keys));
                b1 = TLanes.Round(b1, c1, d1, a1, TLanes.LoadWords(keys + TLanes.Blocks));
                keys += Lanes;
                c0 = TLanes.Round(c0, d0, a0, b0, TLanes.LoadWords(keys));
                c1 = TLanes.Round(c1, d1, a1, b1, TLanes.LoadWords(keys + TLanes.Blocks));
                keys += Lanes;
                d0 = TLanes.Round(d0, a0, b0, c0, TLanes.LoadWords(keys));
                d1 = TLanes.Round(d1, a1, b1, c1, TLanes.LoadWords(keys + TLanes.Blocks));
            }
            TLanes.Store(place, a0, b0, c0, d0);
            TLanes.Store(place + bytes, a1, b1, c1, d1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EcbOne(uint* schedule, byte* source, byte* destination)
    {
        TLanes.Load(source, out T a, out T b, out T c, out T d);
        One(schedule, ref a, ref b, ref c, ref d);
        TLanes.Store(destination, a, b, c, d);
    }

    [SkipLocalsInit]
    private static void EcbPart(uint* schedule, byte* source, byte* destination, int blocks)
    {
        byte* whole = stackalloc byte[TLanes.Blocks * BlockSize];
        Span<byte> part = new(whole, blocks * BlockSize);
        new ReadOnlySpan<byte>(source, blocks * BlockSize).CopyTo(part);
        EcbOne(schedule, whole, whole);
        part.CopyTo(new Span<byte>(destination, blocks * BlockSize));
        part.Clear();
    }

    [SkipLocalsInit]
    private void CtrPart(uint* schedule, uint* counter, byte* source, byte* destination, int blocks)
    {
        byte* stream = stackalloc byte[TLanes.Blocks * BlockSize];
        uint* next = stackalloc uint[4] { counter[0], counter[1], counter[2], counter[3] + 1 };
        KeyStream(schedule, next, counter[3], stream, blocks);
        for (int i = 0; i < blocks * BlockSize; i += BlockSize)
        {
            (Vector128.Load(source + i) ^ Vector128.Load(stream + i)).Store(destination + i);
        }
        counter[3] += (uint)blocks;
        new Span<byte>(stream, TLanes.Blocks * BlockSize).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One(uint* schedule, ref T a, ref T b, ref T c, ref T d)
    {
        for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
        {
            a = TLanes.Round(a, b, c, d, TLanes.Broadcast(schedule[r]));
            b = TLanes.Round(b, c, d, a, TLanes.Broadcast(schedule[r + 1]));
            c = TLanes.Round(c, d, a, b, TLanes.Broadcast(schedule[r + 2]));
            d = TLanes.Round(d, a, b, c, TLanes.Broadcast(schedule[r + 3]));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(uint* schedule, ref T a0, ref T b0, ref T c0, ref T d0, ref T a1, ref T b1, ref T c1, ref T d1)
    {
        for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
        {
            T key = TLanes.Broadcast(schedule[r]);
            a0 = TLanes.Round(a0, b0, c0, d0, key);
            a1 = TLanes.Round(a1, b1, c1, d1, key);
            key = TLanes.Broadcast(schedule[r + 1]);
            b0 = TLanes.Round(b0, c0, d0, a0, key);
            b1 = TLanes.Round(b1, c1, d1, a1, key);
            key = TLanes.Broadcast(schedule[r + 2]);
            c0 = TLanes.Round(c0, d0, a0, b0, key);
            c1 = TLanes.Round(c1, d1, a1, b1, key);
            key = TLanes.Broadcast(schedule[r + 3]);
            d0 = TLanes.Round(d0, a0, b0, c0, key);
            d1 = TLanes.Round(d1, a1, b1, c1, key);
        }
    }

    /// <summary>Four rounds of four states.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static void Four(
        uint* keys,
        ref T a0, ref T b0, ref T c0, ref T d0, ref T a1, ref T b1, ref T c1, ref T d1,
        ref T a2, ref T b2, ref T c2, ref T d2, ref T a3, ref T b3, ref T c3, ref T d3)
    {
        TLanes.Round(ref a0, b0, c0, d0, ref a1, b1, c1, d1, ref a2, b2, c2, d2, ref a3, b3, c3, d3, TLanes.Broadcast(keys[0]));
        TLanes.Round(ref b0, c0, d0, a0, ref b1, c1, d1, a1, ref b2, c2, d2, a2, ref b3, c3, d3, a3, TLanes.Broadcast(keys[1]));
        TLanes.Round(ref c0, d0, a0, b0, ref c1, d1, a1, b1, ref c2, d2, a2, b2, ref c3, d3, a3, b3, TLanes.Broadcast(keys[2]));
        TLanes.Round(ref d0, a0, b0, c0, ref d1, a1, b1, c1, ref d2, a2, b2, c2, ref d3, a3, b3, c3, TLanes.Broadcast(keys[3]));
    }
}
