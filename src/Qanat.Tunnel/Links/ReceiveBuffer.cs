using System.Buffers;

namespace Qanat.Tunnel.Links;

/// <summary>The receive loop's buffer: small while idle, large and pooled while bytes flow.</summary>
internal sealed class ReceiveBuffer
{
    private const int IdleBytes = 4 * 1024;
    private const int BusyBytes = 256 * 1024;
    private readonly byte[] _idle = new byte[IdleBytes];
    private byte[] _bytes;
    private int _start;
    private int _end;

    public ReceiveBuffer(ReadOnlySpan<byte> initial)
    {
        _bytes = initial.Length > IdleBytes ? ArrayPool<byte>.Shared.Rent(BusyBytes) : _idle;
        initial.CopyTo(_bytes);
        _end = initial.Length;
    }

    public int Length => _end - _start;

    public Span<byte> Filled => _bytes.AsSpan(_start, _end - _start);

    public Memory<byte> Free => _bytes.AsMemory(_end);

    public void Add(int read) => _end += read;

    public void Consume(int bytes) => _start += bytes;

    public void Discard() => _start = _end = 0;

    /// <summary>Prepares for the next read.</summary>
    /// <param name="needed">Bytes that the frame at the front needs, at most a whole frame; 0 when unknown.</param>
    /// <param name="lastRead">Bytes of the last read: when they filled the small buffer, more are waiting.</param>
    public void MakeRoom(int needed, int lastRead)
    {
        bool wantsBusy = needed > IdleBytes || Length == IdleBytes || lastRead >= IdleBytes / 2;
        byte[] next = wantsBusy ? (_bytes != _idle ? _bytes : ArrayPool<byte>.Shared.Rent(BusyBytes)) : Length < IdleBytes ? _idle : _bytes;
        Filled.CopyTo(next);
        if (next != _bytes && _bytes != _idle)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }
        _bytes = next;
        _end -= _start;
        _start = 0;
    }

    public void Release()
    {
        if (_bytes != _idle)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = _idle;
        }
        Discard();
    }
}
