using System.Net.Security;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Qanat.Testing;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Sessions;

public sealed class SessionStreamTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Bytes_arrive_both_ways_and_ends_are_seen()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        Task<byte[]> gotByB = ReadToEndAsync(b);
        Task<byte[]> gotByA = ReadToEndAsync(a);
        byte[] fromA = RandomNumberGenerator.GetBytes(5_000_000);
        byte[] fromB = RandomNumberGenerator.GetBytes(3_000_001);
        await Task.WhenAll(a.WriteAsync(fromA).AsTask(), b.WriteAsync(fromB).AsTask()).WaitAsync(s_limit);
        a.CompleteWrites();
        Assert.Equal(fromA, await gotByB.WaitAsync(s_limit));
        // Half-close: the other direction still works after the end of the first.
        await b.WriteAsync(new byte[] { 42 }).AsTask().WaitAsync(s_limit);
        b.CompleteWrites();
        byte[] received = await gotByA.WaitAsync(s_limit);
        Assert.True(fromB.AsSpan().SequenceEqual(received.AsSpan(0, fromB.Length)));
        Assert.Equal(42, received[^1]);
        await Task.WhenAll(a.Ended, b.Ended).WaitAsync(s_limit);
        Assert.Null(a.Failure);
        Assert.Null(b.Failure);
    }

    [Fact]
    public async Task A_sender_that_disposes_right_after_its_last_byte_loses_nothing()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        byte[] bytes = RandomNumberGenerator.GetBytes(2_000_000);
        Task<byte[]> got = ReadToEndAsync(b);
        await a.WriteAsync(bytes);
        await a.DisposeAsync();
        Assert.Equal(bytes, await got.WaitAsync(s_limit));
    }

    [Fact]
    public async Task A_link_that_dies_between_the_last_byte_and_the_close_hides_nothing()
    {
        await using SessionPair pair = new();
        pair.Connect(FrameFaults.When((_, header) => header.Type == FrameType.Close, FrameFaults.Drop));
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        Task<byte[]> got = ReadToEndAsync(b);
        await a.WriteAsync(new byte[100_000]);
        a.CompleteWrites();
        pair.Link.Cut();
        pair.Connect();
        Assert.Equal(100_000, (await got.WaitAsync(s_limit)).Length);
    }

    [Fact]
    public async Task Both_sides_write_with_full_buffers_and_nobody_reads_yet_without_deadlock()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        byte[] bytes = RandomNumberGenerator.GetBytes(8_000_000);
        Task writeA = a.WriteAsync(bytes).AsTask();
        Task writeB = b.WriteAsync(bytes).AsTask();
        Assert.False(writeA.IsCompleted);
        Assert.False(writeB.IsCompleted);
        byte[][] got = await Task.WhenAll(ReadAsync(a, bytes.Length), ReadAsync(b, bytes.Length)).WaitAsync(s_limit);
        await Task.WhenAll(writeA, writeB).WaitAsync(s_limit);
        Assert.All(got, one => Assert.True(bytes.AsSpan().SequenceEqual(one)));
    }

    [Fact]
    public async Task A_writer_without_a_link_runs_ahead_by_the_backlog_only()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        await a.WriteAsync(new byte[1]);
        Assert.Single(await ReadAsync(b, 1));
        pair.Link.Cut();
        await Until.TrueAsync(() => pair.A.Table.CurrentLink is null);
        Task write = a.WriteAsync(new byte[1_000_000]).AsTask();
        Assert.False(write.IsCompleted);
        Assert.InRange(a.GetStatus().ReplayBytes, pair.Settings.Backlog, pair.Settings.Backlog + 1);
        pair.Connect();
        Assert.Equal(1_000_000, (await ReadAsync(b, 1_000_000).WaitAsync(s_limit)).Length);
        await write.WaitAsync(s_limit);
    }

    [Fact]
    public async Task A_gap_of_fifteen_seconds_is_a_stall_and_not_an_error()
    {
        FakeTimeProvider time = new();
        await using SessionPair pair = new(time);
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        pair.Link.Cut();
        await Until.TrueAsync(() => pair.A.Table.CurrentLink is null && pair.B.Table.CurrentLink is null);
        await a.WriteAsync(new byte[1000]);
        Task<byte[]> read = ReadAsync(b, 1000);
        for (int i = 0; i < 150; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.False(read.IsCompleted);
        pair.Connect();
        Assert.Equal(1000, (await read.WaitAsync(s_limit)).Length);
        Assert.Equal(1, a.GetStatus().Counters.Resumes);
    }

    [Fact]
    public async Task A_peer_away_longer_than_the_grace_time_is_a_typed_error()
    {
        FakeTimeProvider time = new();
        await using SessionPair pair = new(time);
        pair.Connect();
        (SessionStream a, SessionStream _) = await pair.OpenAsync();
        ValueTask<int> read = a.ReadAsync(new byte[10]);
        pair.Link.Cut();
        await Until.TrueAsync(() => pair.A.Table.CurrentLink is null);
        time.Advance(TimeSpan.FromSeconds(61));
        TunnelException error = await Assert.ThrowsAsync<TunnelException>(() => read.AsTask().WaitAsync(s_limit));
        Assert.Equal(TunnelError.GraceExpired, error.Error);
    }

    [Fact]
    public async Task A_restarted_peer_is_noticed_by_its_answer()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream _) = await pair.OpenAsync();
        a.SetProbeInterval(TimeSpan.FromMilliseconds(100));
        ValueTask<int> read = a.ReadAsync(new byte[10]);
        pair.Link.Cut();
        await using SessionPair restarted = new();
        await using InMemoryLinkPair link = new(pair.A.Identity.Mid, pair.B.Identity.Mid);
        SessionTable fresh = new(
            pair.B.Identity.Mid, pair.Settings, pair.B.Memory, TimeProvider.System, new SessionMetrics(), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        fresh.Attach(link.Right);
        pair.A.Table.Attach(link.Left);
        TunnelException error = await Assert.ThrowsAsync<TunnelException>(() => read.AsTask().WaitAsync(s_limit));
        Assert.Equal(TunnelError.SessionLost, error.Error);
        fresh.Dispose();
    }

    [Fact]
    public async Task Cancelled_reads_and_writes_end_and_leave_the_stream_usable()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SessionStream a, SessionStream b) = await pair.OpenAsync();
        using CancellationTokenSource cancel = new();
        ValueTask<int> read = b.ReadAsync(new byte[10], cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.AsTask());
        await a.WriteAsync(new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], await ReadAsync(b, 3).WaitAsync(s_limit));
    }

    [Fact]
    public async Task Data_of_one_tls_session_survives_many_link_losses()
    {
        await using SessionPair pair = new();
        pair.Connect();
        (SslStream a, SslStream b) = await pair.SecureAsync();
        const int Total = 24_000_000;
        int cuts = 0;
        Random random = new(5);
        int nextCut = random.Next(1, 1_000_000);
        Task<byte[]> readB = HashAsync(b, Total);
        Task<byte[]> readA = HashAsync(a, Total);
        // The cuts follow the bytes, not the clock: however slow or fast the machine is, every one of them falls into the transfer.
        Task<byte[]> writeA = WriteRandomAsync(a, Total, written =>
        {
            if (written >= nextCut)
            {
                nextCut += random.Next(1, 1_000_000);
                pair.Link.Cut();
                pair.Connect();
                cuts++;
            }
        });
        Task<byte[]> writeB = WriteRandomAsync(b, Total);
        Task all = Task.WhenAll(readA, readB, writeA, writeB);
        await all.WaitAsync(s_limit);
        Assert.Equal(await writeA, await readB);
        Assert.Equal(await writeB, await readA);
        Assert.InRange(cuts, 24, 200);
        Assert.Single(pair.A.Table.GetStatus());
        Assert.True(pair.A.Table.GetStatus()[0].Counters.Resumes > 0);
    }

    [Theory]
    [InlineData("drop")]
    [InlineData("twice")]
    [InlineData("swap")]
    public async Task Frames_lost_doubled_or_swapped_are_repaired(string fault)
    {
        // By chance, and not every seventh: a repetition that takes just as many frames would be hit in the same place each time.
        Random random = new(7);
        FrameFault hostile = fault switch
        {
            "drop" => FrameFaults.Drop,
            "twice" => FrameFaults.Duplicate,
            _ => FrameFaults.Swap(),
        };
        await using SessionPair pair = new();
        pair.Connect(FrameFaults.When(
            (_, _) =>
            {
                lock (random)
                {
                    return random.Next(7) == 3;
                }
            },
            hostile));
        (SslStream a, SslStream b) = await pair.SecureAsync();
        Task<byte[]> read = HashAsync(b, 6_000_000);
        byte[] written = await WriteRandomAsync(a, 6_000_000).WaitAsync(s_limit);
        Assert.Equal(written, await read.WaitAsync(s_limit));
    }

    internal static async Task<byte[]> ReadToEndAsync(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    internal static async Task<byte[]> ReadAsync(Stream stream, int count)
    {
        byte[] bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes);
        return bytes;
    }

    private static async Task<byte[]> HashAsync(Stream stream, int count)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[32768];
        while (count > 0)
        {
            int n = await stream.ReadAsync(buffer.AsMemory(0, Math.Min(count, buffer.Length)));
            Assert.NotEqual(0, n);
            hash.AppendData(buffer.AsSpan(0, n));
            count -= n;
        }
        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> WriteRandomAsync(Stream stream, int count, Action<int>? progress = null)
    {
        int total = count;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Random random = new(count);
        byte[] buffer = new byte[50_000];
        while (count > 0)
        {
            random.NextBytes(buffer);
            int n = Math.Min(count, random.Next(1, buffer.Length));
            hash.AppendData(buffer.AsSpan(0, n));
            await stream.WriteAsync(buffer.AsMemory(0, n));
            count -= n;
            progress?.Invoke(total - count);
        }
        return hash.GetHashAndReset();
    }
}
