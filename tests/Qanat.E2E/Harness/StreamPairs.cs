using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Qanat.E2E.Harness;

/// <summary>
/// N TCP connections through the system under test, each with patterned data both ways at a steady pace, every byte checked at both ends.
/// Knows, for each outage, how long each direction stood still after the path was back.
/// </summary>
internal sealed class StreamPairs : IAsyncDisposable
{
    // Far beyond what a busy machine takes; the tests that use this say apart how long it took.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Direction> _directions = [];
    private readonly List<Task> _clients = [];
    private readonly ConcurrentBag<Task> _servers = [];
    private readonly int _chunkBytes;
    private readonly TimeSpan _pace;
    private Task? _accepting;

    public StreamPairs(int chunkBytes = 4096, int paceMilliseconds = 10)
    {
        _chunkBytes = chunkBytes;
        _pace = TimeSpan.FromMilliseconds(paceMilliseconds);
        _listener.Start(512);
    }

    /// <summary>Where the published service must point: the far end of the streams.</summary>
    public int ServicePort => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>All bytes verified so far, both ways.</summary>
    public long VerifiedBytes => _directions.Sum(d => Volatile.Read(ref d.Bytes));

    /// <summary>Number of live directions (two receivers per connection).</summary>
    public int Directions => _directions.Count;

    public Task StartAsync(int count, TestServer through, int forwardPort) => StartAsync(count, () => through.Connect(forwardPort));

    private async Task StartAsync(int count, Func<Socket> connect)
    {
        _accepting = Task.Run(AcceptAsync);
        for (int i = 0; i < count; i++)
        {
            TcpClient client = new() { Client = connect() };
            byte[] id = new byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(id, (ulong)(i + 1));
            await client.GetStream().WriteAsync(id);
            _clients.Add(RunEndAsync(client, sendSeed: (ulong)(i + 1), receiveSeed: (ulong)(i + 1) << 32));
        }
        await WaitForProgressAsync();
    }

    /// <summary>Waits until <paramref name="more"/> further bytes have been verified at the receiving ends.</summary>
    public async Task WaitForBytesAsync(long more)
    {
        long start = Stopwatch.GetTimestamp();
        for (long target = VerifiedBytes + more; VerifiedBytes < target;)
        {
            ThrowIfBroken();
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new TimeoutException($"{target - VerifiedBytes} of {more} bytes did not come within {s_limit}.");
            }
            await Task.Delay(1);
        }
    }

    /// <summary>Waits until every direction has received something after now.</summary>
    public async Task WaitForProgressAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            ThrowIfBroken();
            if (_directions.Count >= 2 * _clients.Count && _directions.All(d => Volatile.Read(ref d.LastProgress) > start))
            {
                return;
            }
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                int stuck = _directions.Count(d => Volatile.Read(ref d.LastProgress) <= start);
                throw new TimeoutException($"{stuck} of {_directions.Count} directions (of {2 * _clients.Count} wanted) made no progress within {s_limit}.");
            }
            await Task.Delay(5);
        }
    }

    /// <summary>Starts a stall clock at the moment the path is back; see <see cref="Stalls"/>.</summary>
    public void MarkBack()
    {
        long now = Stopwatch.GetTimestamp();
        foreach (Direction d in _directions)
        {
            d.Arm(now);
        }
    }

    /// <summary>Stall of each direction for each outage, from "path is back" to the first byte after it.</summary>
    public IReadOnlyList<TimeSpan> Stalls => [.. _directions.SelectMany(d => d.Stalls).Order()];

    /// <summary>The stall that a part of all stalls does not exceed.</summary>
    public TimeSpan StallPercentile(double p) => Stalls is { Count: > 0 } stalls ? stalls[(int)((stalls.Count - 1) * p)] : TimeSpan.Zero;

    /// <summary>The stalls in one line.</summary>
    public string DescribeStalls() => $"{Stalls.Count} stalls: p50 {StallPercentile(0.5)}, p99 {StallPercentile(0.99)}, max {StallPercentile(1)}";

    /// <summary>Any end that failed is reported here, with its own error.</summary>
    public void ThrowIfBroken()
    {
        foreach (Task task in _clients.Concat(_servers))
        {
            if (task.IsFaulted)
            {
                throw new InvalidOperationException("A stream broke: " + task.Exception!.GetBaseException().Message, task.Exception);
            }
        }
    }

    /// <summary>Stops sending, half-closes both ways, and checks that both ends saw the whole of the other's bytes and then the end.</summary>
    public async Task<long> FinishAsync()
    {
        await _stop.CancelAsync();
        Task all = Task.WhenAll(_clients.Concat(_servers));
        if (await Task.WhenAny(all, Task.Delay(s_limit)) != all)
        {
            throw new TimeoutException("Not every stream ended in order.");
        }
        await all;
        return VerifiedBytes;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                _servers.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        byte[] id = new byte[8];
        await client.GetStream().ReadExactlyAsync(id);
        ulong seed = BinaryPrimitives.ReadUInt64BigEndian(id);
        await RunEndAsync(client, sendSeed: seed << 32, receiveSeed: seed);
    }

    private async Task RunEndAsync(TcpClient client, ulong sendSeed, ulong receiveSeed)
    {
        using TcpClient owned = client;
        owned.NoDelay = true;
        NetworkStream stream = owned.GetStream();
        Direction direction = new();
        _directions.Add(direction);
        Task sending = SendAsync(owned, stream, sendSeed);
        // The sender says how much it sent in the last 8 bytes, so that a short body can never look whole.
        byte[] buffer = new byte[16384 + 8];
        int held = 0;
        PatternStream expected = new(receiveSeed);
        while (true)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(held, buffer.Length - held));
            if (read == 0)
            {
                break;
            }
            held += read;
            if (held > 8)
            {
                expected.Verify(buffer.AsSpan(0, held - 8));
                direction.Progress(held - 8);
                buffer.AsSpan(held - 8, 8).CopyTo(buffer);
                held = 8;
            }
        }
        long total = held == 8 ? BinaryPrimitives.ReadInt64BigEndian(buffer) : -1;
        if (total != expected.Position)
        {
            throw new EndOfStreamException($"The stream ended after {expected.Position} bytes; the sender sent {total}.");
        }
        await sending;
    }

    private async Task SendAsync(TcpClient client, NetworkStream stream, ulong seed)
    {
        PatternStream pattern = new(seed);
        byte[] chunk = new byte[_chunkBytes];
        while (!_stop.IsCancellationRequested)
        {
            pattern.Fill(chunk);
            await stream.WriteAsync(chunk);
            if (_pace > TimeSpan.Zero)
            {
                await Task.Delay(_pace);
            }
        }
        byte[] total = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(total, pattern.Position);
        await stream.WriteAsync(total);
        client.Client.Shutdown(SocketShutdown.Send);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        if (_accepting is not null)
        {
            await _accepting;
        }
        _stop.Dispose();
    }

    private sealed class Direction
    {
        public long Bytes;
        public long LastProgress;
        private long _armed;

        public ConcurrentQueue<TimeSpan> Stalls { get; } = new();

        public void Arm(long now) => Volatile.Write(ref _armed, now);

        public void Progress(int bytes)
        {
            long now = Stopwatch.GetTimestamp();
            long armed = Interlocked.Exchange(ref _armed, 0);
            if (armed != 0)
            {
                Stalls.Enqueue(Stopwatch.GetElapsedTime(armed, now));
            }
            // Last: who waits for progress sees the stall too.
            Interlocked.Add(ref Bytes, bytes);
            Volatile.Write(ref LastProgress, now);
        }
    }
}
