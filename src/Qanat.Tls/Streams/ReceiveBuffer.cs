using System.Buffers;

namespace Qanat.Tls;

/// <summary>
/// Bytes received and not yet used. The array is pooled: rented when bytes are to come, given back, cleared where plaintext stood, when all are used. So an idle connection
/// holds none. Not thread-safe.
/// </summary>
internal sealed class ReceiveBuffer
{
    private byte[] _array = [];
    private int _start;
    private int _end;
    private int _dirtyEnd;

    /// <summary>How many bytes are there.</summary>
    public int Length => _end - _start;

    /// <summary>True when no array is held.</summary>
    public bool IsReleased => _array.Length == 0;

    /// <summary>The bytes that are there.</summary>
    public Span<byte> Available => _array.AsSpan(_start, Length);

    /// <summary>The same for asynchronous use.</summary>
    public Memory<byte> AvailableMemory => _array.AsMemory(_start, Length);

    /// <summary>Room behind the bytes, at least <paramref name="count"/>; fill it and call <see cref="Commit"/>.</summary>
    public Memory<byte> GetRoom(int count)
    {
        if (_array.Length - _end < count)
        {
            if (_array.Length - Length >= count)
            {
                Available.CopyTo(_array);
            }
            else
            {
                byte[] larger = ArrayPool<byte>.Shared.Rent(Length + count);
                Available.CopyTo(larger);
                Return();
                _array = larger;
            }
            (_start, _end) = (0, Length);
            _dirtyEnd = Math.Max(_dirtyEnd, _end);
        }
        return _array.AsMemory(_end);
    }

    /// <summary>Says that so many bytes were written to <see cref="GetRoom"/>.</summary>
    public void Commit(int count)
    {
        _end += count;
        _dirtyEnd = Math.Max(_dirtyEnd, _end);
    }

    /// <summary>Forgets bytes at the front. The array stays until <see cref="ReleaseIfEmpty"/>.</summary>
    public void Consume(int count) => _start += count;

    /// <summary>Gives the array back when nothing is left in it.</summary>
    public void ReleaseIfEmpty()
    {
        if (Length == 0)
        {
            Release();
        }
    }

    /// <summary>Gives the array back and forgets what is left.</summary>
    public void Release()
    {
        Return();
        (_array, _start, _end) = ([], 0, 0);
    }

    // Records are opened in place, so plaintext stands where they stood.
    private void Return()
    {
        if (_array.Length > 0)
        {
            _array.AsSpan(0, _dirtyEnd).Clear();
            ArrayPool<byte>.Shared.Return(_array);
        }
        _dirtyEnd = 0;
    }
}
