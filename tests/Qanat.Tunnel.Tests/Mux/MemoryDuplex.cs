using System.IO.Pipelines;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>Two ends of an in-memory duplex byte stream with bounded buffers, and optional random cutting of reads.</summary>
internal sealed class MemoryDuplex : Stream
{
    private readonly Stream _input;
    private readonly Stream _output;
    private readonly Pipe _out;
    private readonly Random? _cut;

    private MemoryDuplex(Pipe input, Pipe output, Random? cut)
    {
        _input = input.Reader.AsStream();
        _output = output.Writer.AsStream();
        _out = output;
        _cut = cut;
    }

    public static (MemoryDuplex First, MemoryDuplex Second) Create(int buffer = 1 << 20, int? cutSeed = null)
    {
        PipeOptions options = new(pauseWriterThreshold: buffer, resumeWriterThreshold: buffer / 2, minimumSegmentSize: 65536, useSynchronizationContext: false);
        Pipe one = new(options), two = new(options);
        return (
            new MemoryDuplex(one, two, cutSeed is { } a ? new Random(a) : null),
            new MemoryDuplex(two, one, cutSeed is { } b ? new Random(b + 1) : null));
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _input.ReadAsync(_cut is null || buffer.IsEmpty ? buffer : buffer[..Math.Min(buffer.Length, Next(_cut))], cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _output.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _out.Writer.Complete();
            _input.Dispose();
        }
        base.Dispose(disposing);
    }

    // Mostly tiny pieces: headers get cut everywhere.
    private static int Next(Random random) => random.Next(4) == 0 ? random.Next(1, 70_000) : random.Next(1, 30);
}
