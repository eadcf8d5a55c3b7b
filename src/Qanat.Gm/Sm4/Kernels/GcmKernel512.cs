using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Qanat.Gm;

/// <summary>
/// 512-bit lanes with the bulk of GCM interleaved: in each four rounds of 64 counter blocks, 8 blocks of ciphertext are hashed, so that multiplier and S-box
/// units work at the same time. Encryption hashes the piece before, decryption the piece itself.
/// </summary>
internal sealed unsafe class GcmKernel512<TSbox, TClmul, TSingle>(Sm4Implementation implementation)
    : LaneKernel<Lanes512<TSbox>, Vector512<uint>, TSingle>(implementation, GhashVpclmul<TClmul>.Instance)
    where TSbox : struct, ISm4Sbox<Vector512<byte>>
    where TClmul : struct, IClmul512
    where TSingle : struct, ISm4Lanes<Vector128<uint>>
{
    private const int Piece = 1024;

    public override int GcmBulkUnit => Piece;

    public override void GcmBulk(uint* schedule, byte* table, byte* hash, uint* counter, byte* source, byte* destination, nuint length, bool encrypt)
    {
        if (length == 0)
            return;
        if (!encrypt)
        {
            Interleaved(schedule, table, hash, counter, source, destination, source, length / Piece);
            return;
        }
        Ctr(schedule, counter, source, destination, Piece / BlockSize);
        Interleaved(schedule, table, hash, counter, source + Piece, destination + Piece, destination, (length / Piece) - 1);
        Ghash.Update(table, hash, destination + length - Piece, Piece / BlockSize);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Interleaved(uint* schedule, byte* table, byte* hash, uint* counter, byte* source, byte* destination, byte* hashed, nuint pieces)
    {
        Vector512<ulong> sum = Gf128.LoadReversed(hash).ToVector256().ToVector512();
        uint count = counter[3];
        for (; pieces > 0; pieces--)
        {
            Vector512<uint> a0 = Vector512.Create(counter[0]), b0 = Vector512.Create(counter[1]), c0 = Vector512.Create(counter[2]), d0 = Lanes512<TSbox>.Count(count);
            Vector512<uint> a1 = a0, b1 = b0, c1 = c0, d1 = d0 + Vector512.Create(16u);
            Vector512<uint> a2 = a0, b2 = b0, c2 = c0, d2 = d0 + Vector512.Create(32u);
            Vector512<uint> a3 = a0, b3 = b0, c3 = c0, d3 = d0 + Vector512.Create(48u);
            Vector512<ulong> low = Vector512<ulong>.Zero, middle = low, high = low;
            for (int r = 0; r < Sm4KeySchedule.Rounds; r += 4)
            {
                byte* eight = hashed + (r * 32);
                byte* power = table + (r * 32);
                GhashVpclmul<TClmul>.MultiplyAdd(sum ^ GhashVpclmul<TClmul>.LoadReversed(eight), Vector512.Load((ulong*)power), ref low, ref middle, ref high);
                GhashVpclmul<TClmul>.MultiplyAdd(GhashVpclmul<TClmul>.LoadReversed(eight + 64), Vector512.Load((ulong*)(power + 64)), ref low, ref middle, ref high);
                sum = Vector512<ulong>.Zero;
                Four(schedule + r, ref a0, ref b0, ref c0, ref d0, ref a1, ref b1, ref c1, ref d1, ref a2, ref b2, ref c2, ref d2, ref a3, ref b3, ref c3, ref d3);
            }
            sum = Gf128.Reduce(GhashVpclmul<TClmul>.Sum(low), GhashVpclmul<TClmul>.Sum(middle), GhashVpclmul<TClmul>.Sum(high)).ToVector256().ToVector512();
            Lanes512<TSbox>.StoreXor(source, destination, a0, b0, c0, d0);
            Lanes512<TSbox>.StoreXor(source + 256, destination + 256, a1, b1, c1, d1);
            Lanes512<TSbox>.StoreXor(source + 512, destination + 512, a2, b2, c2, d2);
            Lanes512<TSbox>.StoreXor(source + 768, destination + 768, a3, b3, c3, d3);
            count += Piece / BlockSize;
            source += Piece;
            destination += Piece;
            hashed += Piece;
        }
        counter[3] = count;
        Gf128.StoreReversed(sum.GetLower().GetLower(), hash);
    }
}
