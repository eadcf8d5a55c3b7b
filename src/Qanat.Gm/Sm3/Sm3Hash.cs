namespace Qanat.Gm;

/// <summary>
/// SM3 over a message that comes in pieces (GB/T 32905-2016), reusable for one message after another. Not thread-safe. Dispose zeroes what is left of the message.
/// </summary>
public sealed class Sm3Hash : IDisposable
{
    private Sm3State _state = Sm3State.Create();
    private bool _disposed;

    /// <summary>Appends to the message.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void AppendData(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _state.Append(data);
    }

    /// <summary>Writes the hash of what was appended so far; the message goes on.</summary>
    /// <param name="destination">Its first <see cref="Sm3.HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Sm3.HashSizeInBytes"/>.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void GetCurrentHash(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Sm3State state = _state;
        state.Finish(destination);
    }

    /// <summary>Writes the hash of the message and starts a new one.</summary>
    /// <param name="destination">Its first <see cref="Sm3.HashSizeInBytes"/> bytes are overwritten.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is shorter than <see cref="Sm3.HashSizeInBytes"/>; the message is kept.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void GetHashAndReset(Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _state.Finish(destination);
        _state = Sm3State.Create();
    }

    /// <summary>A second computation that starts with what was appended here so far.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Sm3Hash Duplicate()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Sm3Hash { _state = _state };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _state.Clear();
    }
}
