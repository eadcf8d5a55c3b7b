using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Mux;

public sealed class MuxSessionTests
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    internal static async Task<byte[]> ReadAllAsync(PipeReader reader)
    {
        ArrayBufferWriter<byte> all = new();
        while (true)
        {
            ReadResult result = await reader.ReadAsync().AsTask().WaitAsync(Limit);
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                all.Write(part.Span);
            }
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }

    [Fact]
    public async Task Echo_gives_back_the_bytes_and_both_ends()
    {
        await using MuxPair pair = new(Acceptor.Echo);
        ConnectionContext connection = pair.Client.Open("echo");
        await connection.Transport.Output.WriteAsync("hello"u8.ToArray());
        await connection.Transport.Output.CompleteAsync();
        Assert.Equal("hello", Encoding.UTF8.GetString(await ReadAllAsync(connection.Transport.Input)));
        await connection.DisposeAsync();
    }

    [Theory]
    [InlineData(null, 1 << 20)]
    [InlineData(7, 1 << 20)]
    [InlineData(8, 4096)]
    public async Task Many_connections_carry_their_bytes_exactly_both_ways(int? cutSeed, int buffer)
    {
        await using MuxPair pair = new(Acceptor.Echo, Acceptor.Echo, cutSeed: cutSeed, buffer: buffer);
        int bytes = cutSeed is null ? 2_000_000 : 100_000;
        await Task.WhenAll(Enumerable.Range(0, 32).Select(i => RoundAsync(i % 2 == 0 ? pair.Client : pair.Server, (bytes / (i + 1)) + i))).WaitAsync(Limit);
        Assert.Equal(16, pair.Client.OpenedCount);
        Assert.Equal(16, pair.Client.AcceptedCount);

        static async Task RoundAsync(MuxSession session, int length)
        {
            byte[] sent = RandomNumberGenerator.GetBytes(length);
            ConnectionContext connection = session.Open("echo");
            Task<byte[]> received = ReadAllAsync(connection.Transport.Input);
            await connection.Transport.Output.WriteAsync(sent);
            await connection.Transport.Output.CompleteAsync();
            Assert.Equal(sent, await received);
            await connection.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(MuxResetReason.Denied, TunnelError.Denied)]
    [InlineData(MuxResetReason.UnknownService, TunnelError.UnknownService)]
    [InlineData(MuxResetReason.TooManyConnections, TunnelError.TooManyConnections)]
    public async Task A_refusal_reaches_the_reader_typed(MuxResetReason reason, TunnelError error)
    {
        await using MuxPair pair = new(new Acceptor(_ => Task.CompletedTask, _ => reason));
        ConnectionContext connection = pair.Client.Open("secret");
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => ReadAllAsync(connection.Transport.Input));
        Assert.Equal(error, e.Error);
        Assert.Equal(0, pair.Server.AcceptedCount);
    }

    [Fact]
    public async Task Open_goes_out_alone_when_nobody_writes_or_reads()
    {
        TaskCompletionSource<string> served = new();
        await using MuxPair pair = new(new Acceptor(async connection =>
        {
            served.SetResult(connection.Features.Get<ITunnelPeerFeature>()!.Service);
            await ReadAllAsync(connection.Transport.Input);
        }));
        await using ConnectionContext connection = pair.Client.Open("quiet");
        Assert.Equal("quiet", await served.Task.WaitAsync(Limit));
    }
}
