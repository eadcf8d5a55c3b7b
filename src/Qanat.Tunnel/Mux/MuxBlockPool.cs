using System.Buffers;
using System.Collections.Concurrent;

namespace Qanat.Tunnel.Mux;

/// <summary>
/// Memory of all connections' pipes: blocks of 4 and 16 KiB, kept for reuse up to a bound. Blocks pass from one thread to another all the
/// time, which the shared array pool is not made for; and tunnel plaintext does not wander into other users' buffers.
/// </summary>
internal sealed class MuxBlockPool : MemoryPool<byte>
{
    private const int Small = 4096;
    private const int Large = 16384;
    private readonly Shelf _small = new(Small, most: 2048), _large = new(Large, most: 1024);

    private MuxBlockPool()
    {
    }

    public static MuxBlockPool Instance { get; } = new();

    public override int MaxBufferSize => Large;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, Large);
        return (minBufferSize <= Small ? _small : _large).Take();
    }

    protected override void Dispose(bool disposing)
    {
        // Lives as long as the process.
    }

    private sealed class Shelf(int size, int most)
    {
        private readonly ConcurrentQueue<Block> _blocks = new();
        private int _count;

        public Block Take()
        {
            if (!_blocks.TryDequeue(out Block? block))
            {
                return new Block(this, size);
            }
            Interlocked.Decrement(ref _count);
            block.Rented();
            return block;
        }

        public void Return(Block block)
        {
            if (Interlocked.Increment(ref _count) <= most)
            {
                _blocks.Enqueue(block);
            }
            else
            {
                Interlocked.Decrement(ref _count);
            }
        }
    }

    private sealed class Block(Shelf shelf, int size) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(size);
        private int _isFree;

        public Memory<byte> Memory => _bytes;

        public void Rented() => Volatile.Write(ref _isFree, 0);

        public void Dispose()
        {
            // A second return would lend the block to two.
            if (Interlocked.Exchange(ref _isFree, 1) == 0)
            {
                shelf.Return(this);
            }
        }
    }
}
