using System.Buffers;

namespace Qanat.Wire.Sessions;

/// <summary>
/// The memory shared by all sessions of one node: fixed blocks for replay and receive buffers, and the budget above which no window grows.
/// Every session may use a small floor in any case, so a full budget slows tunnels down but never stops one. Safe from any thread.
/// </summary>
public sealed class SessionMemory
{
    /// <summary>Size of a block, in bytes.</summary>
    public const int BlockSize = 65536;

    private const int KeptBlocks = 128;
    private readonly Lock _gate = new();
    private readonly Stack<byte[]> _free = new(KeptBlocks);
    private long _reserved;
    private long _blocksInUse;

    /// <summary>Creates a budget of <paramref name="capBytes"/> bytes for windows above the floor.</summary>
    public SessionMemory(long capBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capBytes);
        CapBytes = capBytes;
    }

    /// <summary>The budget, in bytes.</summary>
    public long CapBytes { get; }

    /// <summary>Bytes of the budget taken by grown windows and replay buffers.</summary>
    public long ReservedBytes => Interlocked.Read(ref _reserved);

    /// <summary>Bytes of the blocks that hold data now.</summary>
    public long BlockBytesInUse => Interlocked.Read(ref _blocksInUse) * BlockSize;

    /// <summary>Takes bytes of the budget; false when they do not fit.</summary>
    internal bool TryReserve(long bytes)
    {
        long before = Interlocked.Read(ref _reserved);
        while (before + bytes <= CapBytes)
        {
            long seen = Interlocked.CompareExchange(ref _reserved, before + bytes, before);
            if (seen == before)
            {
                return true;
            }
            before = seen;
        }
        return false;
    }

    internal void Release(long bytes) => Interlocked.Add(ref _reserved, -bytes);

    internal byte[] RentBlock()
    {
        Interlocked.Increment(ref _blocksInUse);
        lock (_gate)
        {
            if (_free.TryPop(out byte[]? block))
            {
                return block;
            }
        }
        return ArrayPool<byte>.Shared.Rent(BlockSize);
    }

    /// <summary>
    /// Takes a block back. The newest are kept for the next session of this node (they hold layer-2 ciphertext only);
    /// what leaves for the process-wide pool is cleared first.
    /// </summary>
    internal void ReturnBlock(byte[] block)
    {
        Interlocked.Decrement(ref _blocksInUse);
        lock (_gate)
        {
            if (_free.Count < KeptBlocks)
            {
                _free.Push(block);
                return;
            }
        }
        ArrayPool<byte>.Shared.Return(block, clearArray: true);
    }
}
