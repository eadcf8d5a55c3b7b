using System.Net;
using System.Net.Http.Headers;

namespace Qanat.Node.Http;

/// <summary>
/// Passes streamed request bodies on as they come, and their trailers (<see cref="RequestTrailers"/>). The HTTP client otherwise keeps small writes until
/// its buffer is full, and a program that waits for an answer to the first part of its body would wait for ever.
/// </summary>
internal sealed class FlushingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    // Bodies of a known length up to this fit the client's buffer and are sent with the headers.
    private const int SmallBody = 4096;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is { } content && content.Headers.ContentLength is null or > SmallBody)
        {
            RequestTrailers? trailers = RequestTrailers.Of(request);
            request.Content = new FlushingContent(content, trailers);
            if (trailers is not null)
            {
                return SendAsync(request, trailers, cancellationToken);
            }
        }
        return base.SendAsync(request, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, RequestTrailers trailers, CancellationToken cancellationToken)
    {
        trailers.Enter();
        return await base.SendAsync(request, cancellationToken);
    }

    private sealed class FlushingContent : HttpContent
    {
        private readonly HttpContent _content;
        private readonly RequestTrailers? _trailers;

        public FlushingContent(HttpContent content, RequestTrailers? trailers)
        {
            (_content, _trailers) = (content, trailers);
            foreach (KeyValuePair<string, HeaderStringValues> header in content.Headers.NonValidated)
            {
                Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await _content.CopyToAsync(new FlushingStream(stream), context, cancellationToken);
            if (_trailers?.Complete() == true)
            {
                // Nothing may stand before the last chunk in the client's buffer, not even the headers of a request without a body.
                await stream.FlushAsync(cancellationToken);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _content.Headers.ContentLength ?? 0;
            return _content.Headers.ContentLength is not null;
        }
    }

    private sealed class FlushingStream(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken);
            await inner.FlushAsync(cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
