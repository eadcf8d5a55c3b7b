using Qanat.Tunnel;
using Qanat.Tunnel.Mux;

namespace Qanat.Client.Http;

/// <summary>
/// A tunnel connection under an HTTP handler. What the tunnel says of itself comes out as <see cref="HttpRequestException"/> with the
/// <see cref="TunnelException"/> inside: a handler takes an <see cref="IOException"/> for a connection that went stale and may send the request again, and a
/// refusal stays one. One reader and one writer at a time.
/// </summary>
internal sealed class RequestStream(TunnelStream inner) : Stream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (TunnelException e) when (IsRefusal(e.Error))
        {
            throw Refused(e);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (TunnelException e) when (IsRefusal(e.Error))
        {
            throw Refused(e);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    // What another attempt would be told as well. A tunnel that was lost may be made again, and then the handler's own rules hold.
    private static bool IsRefusal(TunnelError error) => error is >= TunnelError.UnknownParticipant and <= TunnelError.QuotaExceeded and not TunnelError.ServiceReset
        or TunnelError.PeerMidMismatch or TunnelError.UntrustedCertificate or TunnelError.NotEnrolled;

    private static HttpRequestException Refused(TunnelException e) => new(HttpRequestError.ConnectionError, e.Message, e);
}
