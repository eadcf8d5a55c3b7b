using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>Case 5 of the hard cases: slow and stopped readers, writers that race, both sides full at once.</summary>
public sealed class FlowControlTests
{
    [Fact]
    public async Task A_hundred_streams_never_read_hold_their_window_and_block_nobody()
    {
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            if (connection.Features.Get<ITunnelPeerFeature>()!.Service == "stalled")
            {
                await Task.Delay(Timeout.Infinite, connection.ConnectionClosed).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }
            await connection.Transport.Input.CopyToAsync(connection.Transport.Output);
            await connection.Transport.Output.CompleteAsync();
        }));
        byte[] endless = new byte[2_000_000];
        List<Task> writers = [];
        for (int i = 0; i < 100; i++)
        {
            ConnectionContext stalled = pair.Client.Open("stalled");
            writers.Add(stalled.Transport.Output.WriteAsync(endless).AsTask());
        }
        // Every one of them is stuck at its credit.
        await UntilAsync(() => pair.Server.UnreadBytes == 100L * MuxLimits.InitialWindow);
        byte[] sent = RandomNumberGenerator.GetBytes(5_000_000);
        ConnectionContext live = pair.Client.Open("echo");
        Task<byte[]> received = MuxSessionTests.ReadAllAsync(live.Transport.Input);
        await live.Transport.Output.WriteAsync(sent);
        await live.Transport.Output.CompleteAsync();
        Assert.Equal(sent, await received.WaitAsync(MuxSessionTests.Limit));
        Assert.Equal(100L * MuxLimits.InitialWindow, pair.Server.UnreadBytes);
        Assert.All(writers, w => Assert.False(w.IsCompleted));
        await pair.Client.DisposeAsync();
        await Task.WhenAll(writers).WaitAsync(MuxSessionTests.Limit);
    }

    [Fact]
    public async Task A_reader_of_one_byte_at_a_time_gets_every_byte()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(MuxLimits.InitialWindow + 50_000);
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            await connection.Transport.Output.WriteAsync(sent);
            await connection.Transport.Output.CompleteAsync();
        }));
        PipeReader input = pair.Client.Open("s").Transport.Input;
        byte[] received = new byte[sent.Length];
        for (int i = 0; i < received.Length; i++)
        {
            ReadResult result = await input.ReadAsync();
            received[i] = result.Buffer.FirstSpan[0];
            input.AdvanceTo(result.Buffer.GetPosition(1));
        }
        Assert.True((await input.ReadAsync()).IsCompleted);
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task A_reader_that_stops_in_the_middle_can_go_on()
    {
        const int Half = 1_000_000;
        TaskCompletionSource goOn = new();
        byte[] sent = RandomNumberGenerator.GetBytes(3 * Half);
        TaskCompletionSource<byte[]> received = new();
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ArrayBufferWriter<byte> all = new();
            while (all.WrittenCount < Half)
            {
                ReadResult result = await input.ReadAsync();
                ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, Half - all.WrittenCount));
                taken.CopyTo(all.GetSpan((int)taken.Length));
                all.Advance((int)taken.Length);
                input.AdvanceTo(taken.End);
            }
            await goOn.Task;
            all.Write(await MuxSessionTests.ReadAllAsync(input));
            received.SetResult(all.WrittenSpan.ToArray());
        }));
        ConnectionContext connection = pair.Client.Open("s");
        Task write = connection.Transport.Output.WriteAsync(sent).AsTask();
        // Credit is granted in halves of a window, and a window of a quarter MiB doubles at most twice in what was read: a stopped
        // reader holds more than half the first window and less than what is left.
        await UntilAsync(() => pair.Server.UnreadBytes > MuxLimits.InitialWindow / 2);
        Assert.False(write.IsCompleted);
        goOn.SetResult();
        await write.WaitAsync(MuxSessionTests.Limit);
        await connection.Transport.Output.CompleteAsync();
        Assert.Equal(sent, await received.Task.WaitAsync(MuxSessionTests.Limit));
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(2048)]
    public async Task Both_sides_writing_with_full_buffers_do_not_deadlock(int buffer)
    {
        // Each side writes everything before it reads anything: only what the windows hold is on the way.
        await using MuxPair pair = new(new Acceptor(WriteThenReadAsync), new Acceptor(WriteThenReadAsync), buffer: buffer);
        Task[] all = [.. Enumerable.Range(0, 20).Select(i => WriteThenReadAsync((i % 2 == 0 ? pair.Client : pair.Server).Open("s")))];
        await Task.WhenAll(all).WaitAsync(MuxSessionTests.Limit);

        static async Task WriteThenReadAsync(ConnectionContext connection)
        {
            byte[] sent = new byte[300_000];
            await connection.Transport.Output.WriteAsync(sent);
            await connection.Transport.Output.CompleteAsync();
            Assert.Equal(sent, await MuxSessionTests.ReadAllAsync(connection.Transport.Input));
            await connection.DisposeAsync();
        }
    }

    internal static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(MuxSessionTests.Limit);
        while (!condition())
        {
            await Task.Delay(2, limit.Token);
        }
    }
}
