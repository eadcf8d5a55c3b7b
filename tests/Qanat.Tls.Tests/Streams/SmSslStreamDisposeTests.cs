namespace Qanat.Tls.Tests.Streams;

/// <summary>A stream that is disposed while its handshake waits for the transport: the transport still owns the buffer that it was given.</summary>
public sealed class SmSslStreamDisposeTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Kind", "Unit")]
    public async Task Disposing_in_the_handshake_leaves_the_buffer_to_the_read_that_waits(bool isServer)
    {
        await using WaitingTransport transport = new([22, 3, 3]);
        SmSslStream stream = new(transport, leaveInnerStreamOpen: true);
        Task handshake = isServer
            ? stream.AuthenticateAsServerAsync(SmPair.ServerOptions())
            : stream.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tls13));
        Memory<byte> room = await transport.Waiting.Task;
        await stream.DisposeAsync();
        Assert.False(stream.HoldsNoBuffer);
        room.Span.Fill(0xAA);
        transport.End.SetResult();
        Assert.Equal(SmTlsError.Truncated, (await Assert.ThrowsAsync<SmTlsException>(() => handshake)).Error);
        Assert.True(stream.HoldsNoBuffer);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.AuthenticateAsServerAsync(SmPair.ServerOptions()));
    }

    /// <summary>Gives some bytes, then waits with the next buffer, then ends.</summary>
    private sealed class WaitingTransport(byte[] first) : Stream
    {
        private bool _isGiven;

        public TaskCompletionSource<Memory<byte>> Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.IsEmpty)
            {
                return 0;
            }
            if (!_isGiven)
            {
                _isGiven = true;
                first.CopyTo(buffer);
                return first.Length;
            }
            Waiting.SetResult(buffer);
            await End.Task;
            return 0;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
