using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Mux;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>Case 10 of the hard cases: complete data or a visible error, never a silent short body.</summary>
public sealed class EndOfStreamTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16376)]
    [InlineData(200_000)]
    public async Task A_sender_that_disposes_right_after_the_last_byte_delivers_all(int length)
    {
        byte[] sent = RandomNumberGenerator.GetBytes(length);
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            if (sent.Length > 0)
            {
                await connection.Transport.Output.WriteAsync(sent);
            }
            await connection.DisposeAsync();
        }));
        for (int i = 0; i < 20; i++)
        {
            ConnectionContext connection = pair.Client.Open("s");
            // The client never ends its own direction: FIN then RST come, and the data before FIN counts.
            await connection.Transport.Output.WriteAsync(new byte[10]);
            Assert.Equal(sent, await MuxSessionTests.ReadAllAsync(connection.Transport.Input));
        }
    }

    [Fact]
    public async Task A_reset_before_the_end_is_an_error_even_with_all_bytes_there()
    {
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            await connection.Transport.Output.WriteAsync(new byte[1000]);
            connection.Features.Get<ITunnelPeerFeature>()!.Reset(MuxResetReason.ServiceReset);
        }));
        for (int i = 0; i < 50; i++)
        {
            TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(pair.Client.Open("s").Transport.Input));
            Assert.Equal(TunnelError.ServiceReset, e.Error);
        }
    }

    [Fact]
    public async Task A_service_that_throws_is_an_error_at_the_opener()
    {
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            await connection.Transport.Output.WriteAsync(new byte[1000]);
            throw new InvalidOperationException("the service failed");
        }));
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(pair.Client.Open("s").Transport.Input));
        Assert.Equal(TunnelError.ServiceReset, e.Error);
    }

    [Fact]
    public async Task An_output_completed_with_an_error_resets()
    {
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            await connection.Transport.Output.WriteAsync(new byte[1000]);
            await connection.Transport.Output.CompleteAsync(new IOException("source failed"));
            await Task.Delay(Timeout.Infinite, connection.ConnectionClosed).ContinueWith(_ => { }, TaskScheduler.Default);
        }));
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(pair.Client.Open("s").Transport.Input));
        Assert.Equal(TunnelError.Cancelled, e.Error);
    }

    [Fact]
    public async Task A_tunnel_that_is_cut_is_an_error_for_every_reader()
    {
        (MemoryDuplex near, MemoryDuplex far) = MemoryDuplex.Create();
        MuxSession client = new(near, true, MuxOptions.Default, MuxPair.ServerMid, "server", null);
        client.Start();
        Task<byte[]>[] readers = [.. Enumerable.Range(0, 10).Select(_ => MuxSessionTests.ReadAllAsync(client.Open("s").Transport.Input))];
        await far.DisposeAsync();
        foreach (Task<byte[]> reader in readers)
        {
            Assert.Equal(TunnelError.SessionLost, (await Assert.ThrowsAsync<TunnelException>(() => reader)).Error);
        }
        await client.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Equal(TunnelError.SessionLost, client.Error!.Error);
        Assert.Throws<TunnelException>(() => client.Open("s"));
    }

    [Fact]
    public async Task A_tunnel_shut_down_tells_the_peer_why()
    {
        await using MuxPair pair = new(new Acceptor(c => Task.Delay(Timeout.Infinite, c.ConnectionClosed)));
        Task<byte[]> reader = MuxSessionTests.ReadAllAsync(pair.Client.Open("s").Transport.Input);
        await FlowControlTests.UntilAsync(() => pair.Server.AcceptedCount == 1);
        await pair.Server.DisposeAsync();
        Assert.Equal(TunnelError.ShuttingDown, (await Assert.ThrowsAsync<TunnelException>(() => reader)).Error);
        await pair.Client.Completion.WaitAsync(MuxSessionTests.Limit);
    }

    [Fact]
    public async Task A_tunnel_that_ends_first_delivers_what_disposed_connections_have_written()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(MuxLimits.InitialWindow + 100_000);
        TaskCompletionSource disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            ValueTask<System.IO.Pipelines.FlushResult> write = connection.Transport.Output.WriteAsync(sent);
            await connection.DisposeAsync();
            disposed.SetResult();
            await write;
        }));
        ConnectionContext connection = pair.Client.Open("s");
        await connection.Transport.Output.WriteAsync(new byte[10]);
        await disposed.Task.WaitAsync(MuxSessionTests.Limit);
        // The client has read nothing: the rest of the answer waits for its credit when the server's tunnel is told to end.
        Task end = pair.Server.DisposeAsync().AsTask();
        Assert.Equal(sent, await MuxSessionTests.ReadAllAsync(connection.Transport.Input));
        await end.WaitAsync(MuxSessionTests.Limit);
        Assert.Null(pair.Server.Error);
    }

    [Fact]
    public async Task A_peer_that_never_reads_does_not_hold_up_the_end_of_a_tunnel()
    {
        FakeTimeProvider time = new();
        TaskCompletionSource disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            ValueTask<System.IO.Pipelines.FlushResult> write = connection.Transport.Output.WriteAsync(new byte[MuxLimits.InitialWindow + 1000]);
            await connection.DisposeAsync();
            disposed.SetResult();
            await write;
        }), time: time);
        ConnectionContext connection = pair.Client.Open("s");
        await connection.Transport.Output.WriteAsync(new byte[10]);
        await disposed.Task.WaitAsync(MuxSessionTests.Limit);
        Task end = pair.Server.DisposeAsync().AsTask();
        Assert.False(end.IsCompleted);
        time.Advance(MuxOptions.Default.CloseTimeout + TimeSpan.FromSeconds(1));
        await end.WaitAsync(MuxSessionTests.Limit);
        await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(connection.Transport.Input));
    }

    [Fact]
    public async Task An_abort_is_seen_by_both_sides_and_fires_the_closed_token()
    {
        TaskCompletionSource<TunnelError> seen = new();
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => MuxSessionTests.ReadAllAsync(connection.Transport.Input));
            seen.SetResult(e.Error);
        }));
        ConnectionContext connection = pair.Client.Open("s");
        await connection.Transport.Output.WriteAsync(new byte[10]);
        TaskCompletionSource closed = new();
        connection.ConnectionClosed.Register(closed.SetResult);
        await FlowControlTests.UntilAsync(() => pair.Server.AcceptedCount == 1);
        connection.Abort();
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => MuxSessionTests.ReadAllAsync(connection.Transport.Input));
        Assert.Equal(TunnelError.Cancelled, await seen.Task.WaitAsync(MuxSessionTests.Limit));
        await closed.Task.WaitAsync(MuxSessionTests.Limit);
        Assert.True((await connection.Transport.Output.WriteAsync(new byte[10])).IsCompleted);
    }

    [Fact]
    public async Task What_a_disposed_connection_cannot_deliver_is_given_up_after_the_linger_time()
    {
        FakeTimeProvider time = new();
        await using MuxPair pair = new(new Acceptor(c => Task.Delay(Timeout.Infinite, c.ConnectionClosed)), time: time);
        ConnectionContext connection = pair.Client.Open("s");
        Task write = connection.Transport.Output.WriteAsync(new byte[MuxLimits.InitialWindow + 1000]).AsTask();
        await FlowControlTests.UntilAsync(() => pair.Server.UnreadBytes == MuxLimits.InitialWindow);
        await connection.DisposeAsync();
        time.Advance(MuxOptions.Default.LingerTimeout - TimeSpan.FromSeconds(1));
        Assert.Equal(1, pair.Client.ConnectionCount);
        time.Advance(TimeSpan.FromSeconds(2));
        await FlowControlTests.UntilAsync(() => pair.Client.ConnectionCount + pair.Server.ConnectionCount == 0);
        await write;
    }

    [Fact]
    public async Task Goaway_lets_open_connections_finish_then_ends_both_sides_in_order()
    {
        await using MuxPair pair = new(Acceptor.Echo);
        ConnectionContext connection = pair.Client.Open("s");
        await connection.Transport.Output.WriteAsync(new byte[10]);
        connection.Transport.Input.AdvanceTo((await connection.Transport.Input.ReadAtLeastAsync(10)).Buffer.End);
        Task gone = pair.Server.GoAwayAsync(TestContext.Current.CancellationToken);
        await FlowControlTests.UntilAsync(() => !pair.Client.CanOpen);
        Assert.Equal(TunnelError.ShuttingDown, Assert.Throws<TunnelException>(() => pair.Client.Open("s")).Error);
        byte[] sent = RandomNumberGenerator.GetBytes(100_000);
        Task<byte[]> received = MuxSessionTests.ReadAllAsync(connection.Transport.Input);
        await connection.Transport.Output.WriteAsync(sent);
        Assert.False(gone.IsCompleted);
        await connection.Transport.Output.CompleteAsync();
        Assert.Equal(sent, await received);
        await gone.WaitAsync(MuxSessionTests.Limit);
        await pair.Client.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Null(pair.Client.Error);
        Assert.Null(pair.Server.Error);
    }

    [Fact]
    public async Task Ids_at_the_bound_end_the_tunnel_in_order_after_the_last_connection()
    {
        await using MuxPair pair = new(Acceptor.Echo, alreadyOpened: MuxLimits.MaxOpens - 3);
        ConnectionContext[] connections = [.. Enumerable.Range(0, 3).Select(_ => pair.Client.Open("s"))];
        Assert.False(pair.Client.CanOpen);
        foreach (ConnectionContext connection in connections)
        {
            await connection.Transport.Output.WriteAsync(new byte[] { 7 });
            await connection.Transport.Output.CompleteAsync();
            Assert.Equal([7], await MuxSessionTests.ReadAllAsync(connection.Transport.Input));
        }
        await pair.Client.Completion.WaitAsync(MuxSessionTests.Limit);
        await pair.Server.Completion.WaitAsync(MuxSessionTests.Limit);
        Assert.Null(pair.Client.Error);
    }
}
