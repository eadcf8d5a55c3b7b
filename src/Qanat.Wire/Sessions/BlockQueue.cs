namespace Qanat.Wire.Sessions;

/// <summary>A byte queue of pooled blocks: grows block by block without copying, gives every drained block back at once. Not thread-safe.</summary>
internal sealed class BlockQueue(SessionMemory memory)
{
    private const int Shift = 16;
    private const int Mask = SessionMemory.BlockSize - 1;
    private byte[]?[] _blocks = new byte[4][];
    private int _head;
    private int _count;
    private int _start;

    /// <summary>Bytes held.</summary>
    public long Length { get; private set; }

    /// <summary>Blocks held.</summary>
    public int Blocks => _count;

    /// <summary>Bytes that can be appended without another block.</summary>
    public long FreeInTail => ((long)_count << Shift) - _start - Length;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            long position = _start + Length;
            int block = (int)(position >> Shift);
            if (block == _count)
            {
                AddBlock();
            }
            Span<byte> room = BlockAt(block).AsSpan((int)(position & Mask), SessionMemory.BlockSize - (int)(position & Mask));
            int n = Math.Min(room.Length, bytes.Length);
            bytes[..n].CopyTo(room);
            bytes = bytes[n..];
            Length += n;
        }
    }

    /// <summary>Copies bytes that start <paramref name="skip"/> bytes after the head.</summary>
    public void CopyTo(long skip, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(skip + destination.Length, Length);
        long position = _start + skip;
        while (destination.Length > 0)
        {
            int offset = (int)(position & Mask);
            ReadOnlySpan<byte> there = BlockAt((int)(position >> Shift)).AsSpan(offset, SessionMemory.BlockSize - offset);
            int n = Math.Min(there.Length, destination.Length);
            there[..n].CopyTo(destination);
            destination = destination[n..];
            position += n;
        }
    }

    public void Discard(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Length);
        Length -= bytes;
        long start = _start + bytes;
        while (start >= SessionMemory.BlockSize)
        {
            RemoveHead();
            start -= SessionMemory.BlockSize;
        }
        _start = (int)start;
        if (Length == 0)
        {
            Clear();
        }
    }

    public int Read(Span<byte> destination)
    {
        int n = (int)Math.Min(Length, destination.Length);
        CopyTo(0, destination[..n]);
        Discard(n);
        return n;
    }

    public void Clear()
    {
        while (_count > 0)
        {
            RemoveHead();
        }
        _start = 0;
        Length = 0;
        if (_blocks.Length > 64)
        {
            _blocks = new byte[4][];
            _head = 0;
        }
    }

    private byte[] BlockAt(int index) => _blocks[(_head + index) & (_blocks.Length - 1)]!;

    private void AddBlock()
    {
        if (_count == _blocks.Length)
        {
            byte[]?[] larger = new byte[_blocks.Length * 2][];
            for (int i = 0; i < _count; i++)
            {
                larger[i] = BlockAt(i);
            }
            (_blocks, _head) = (larger, 0);
        }
        _blocks[(_head + _count) & (_blocks.Length - 1)] = memory.RentBlock();
        _count++;
    }

    private void RemoveHead()
    {
        memory.ReturnBlock(_blocks[_head]!);
        _blocks[_head] = null;
        _head = (_head + 1) & (_blocks.Length - 1);
        _count--;
    }
}
