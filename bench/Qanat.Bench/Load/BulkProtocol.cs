using System.Buffers.Binary;
using System.Diagnostics;

namespace Qanat.Bench.Load;

/// <summary>Which way the bytes of a bulk transfer go, seen from the client.</summary>
public enum BulkDirection
{
    Down = 1,
    Up = 2,
}

/// <summary>
/// The bench's own bulk protocol: a 16-byte request (magic, direction, byte count), then the bytes of a fixed pattern one way, checked by the receiver
/// (a memory compare, so that checking costs little), then one byte back: 1 when all were right. The answer also keeps a sender's close from losing a tail.
/// <c>sync</c> uses blocking calls: cheapest for sockets and <see cref="System.Net.Security.SslStream"/>, wrong for purely asynchronous streams.
/// </summary>
public static class BulkProtocol
{
    public const int RequestLength = 16;
    private const uint Magic = 0x514e_424b;
    private const int Chunk = 256 * 1024;
    private const int Period = 1_048_573; // Prime: no power-of-two mistake in offsets looks right by chance.
    private static readonly byte[] s_pattern = MakePattern();

    public static ReadOnlyMemory<byte> Pattern(long offset, int length) => s_pattern.AsMemory((int)(offset % Period), Math.Min(length, Period));

    public static byte[] Request(BulkDirection direction, long bytes)
    {
        byte[] request = new byte[RequestLength];
        BinaryPrimitives.WriteUInt32BigEndian(request, Magic);
        request[4] = (byte)direction;
        BinaryPrimitives.WriteInt64BigEndian(request.AsSpan(8), bytes);
        return request;
    }

    /// <summary>The client's side of one transfer. <paramref name="progress"/> hears of every block; the result says whether all bytes were right.</summary>
    public static async Task<bool> TransferAsync(Stream stream, BulkDirection direction, long bytes, bool sync, Action<int>? progress = null)
    {
        await WriteAsync(stream, Request(direction, bytes), sync).ConfigureAwait(false);
        if (direction == BulkDirection.Down)
        {
            bool right = await ReceivePatternAsync(stream, bytes, sync, progress).ConfigureAwait(false);
            await WriteAsync(stream, new byte[] { right ? (byte)1 : (byte)0 }, sync).ConfigureAwait(false);
            return right;
        }
        await SendPatternAsync(stream, bytes, sync, progress).ConfigureAwait(false);
        byte[] answer = new byte[1];
        return await ReadAsync(stream, answer, sync).ConfigureAwait(false) == 1 && answer[0] == 1;
    }

    /// <summary>The backend's side: serves one transfer. False when the request is not one of ours, or the client went away.</summary>
    public static async Task<bool> ServeAsync(Stream stream, bool sync)
    {
        byte[] request = new byte[RequestLength];
        int read = 0;
        while (read < request.Length)
        {
            int n = await ReadAsync(stream, request.AsMemory(read), sync).ConfigureAwait(false);
            if (n == 0)
            {
                return false;
            }
            read += n;
        }
        if (BinaryPrimitives.ReadUInt32BigEndian(request) != Magic)
        {
            return false;
        }
        long bytes = BinaryPrimitives.ReadInt64BigEndian(request.AsSpan(8));
        if (request[4] == (byte)BulkDirection.Down)
        {
            await SendPatternAsync(stream, bytes, sync, null).ConfigureAwait(false);
            byte[] answer = new byte[1];
            return await ReadAsync(stream, answer, sync).ConfigureAwait(false) == 1;
        }
        bool right = await ReceivePatternAsync(stream, bytes, sync, null).ConfigureAwait(false);
        await WriteAsync(stream, new byte[] { right ? (byte)1 : (byte)0 }, sync).ConfigureAwait(false);
        return true;
    }

    private static async Task SendPatternAsync(Stream stream, long bytes, bool sync, Action<int>? progress)
    {
        for (long sent = 0; sent < bytes;)
        {
            int n = (int)Math.Min(Chunk, bytes - sent);
            await WriteAsync(stream, Pattern(sent, n), sync).ConfigureAwait(false);
            progress?.Invoke(n);
            sent += n;
        }
    }

    private static async Task<bool> ReceivePatternAsync(Stream stream, long bytes, bool sync, Action<int>? progress)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(Chunk);
        bool right = true;
        for (long received = 0; received < bytes;)
        {
            int n = await ReadAsync(stream, buffer.AsMemory(0, (int)Math.Min(Chunk, bytes - received)), sync).ConfigureAwait(false);
            if (n == 0)
            {
                return false;
            }
            right &= buffer.AsSpan(0, n).SequenceEqual(Pattern(received, n).Span);
            progress?.Invoke(n);
            received += n;
        }
        return right;
    }

    private static ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> bytes, bool sync)
    {
        if (!sync)
        {
            return stream.WriteAsync(bytes);
        }
        stream.Write(bytes.Span);
        return ValueTask.CompletedTask;
    }

    private static ValueTask<int> ReadAsync(Stream stream, Memory<byte> into, bool sync) => sync ? new(stream.Read(into.Span)) : stream.ReadAsync(into);

    private static byte[] MakePattern()
    {
        byte[] pattern = new byte[2 * Period];
        new Random(20260101).NextBytes(pattern.AsSpan(0, Period));
        pattern.AsSpan(0, Period).CopyTo(pattern.AsSpan(Period));
        return pattern;
    }
}

/// <summary>Longest time between two arrivals, for stalls.</summary>
public sealed class GapMeter
{
    private long _last;

    public TimeSpan Longest { get; private set; }

    public void Mark()
    {
        long now = Stopwatch.GetTimestamp();
        if (_last != 0)
        {
            TimeSpan gap = Stopwatch.GetElapsedTime(_last, now);
            Longest = gap > Longest ? gap : Longest;
        }
        _last = now;
    }
}
