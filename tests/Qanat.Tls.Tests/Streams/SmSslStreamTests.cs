#pragma warning disable CA2022 // how much one read gives is what is tested
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Qanat.Tls.Tests.Streams;

/// <summary>What the stream does with the transport: cuts, ends, time limits, cancellation, memory.</summary>
public sealed class SmSslStreamTests
{
    private static readonly bool s_full = Environment.GetEnvironmentVariable("QANAT_FULL") == "1";

    public static TheoryData<SmCipherSuite> Suites => SmSslStreamMatrixTests.Suites;

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Transports_and_programs_that_move_one_byte_at_a_time_change_nothing(SmCipherSuite suite)
    {
        byte[] data = RandomNumberGenerator.GetBytes(3_000);
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(suite.Protocol(), suite);
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        (client.ClientCredential, server.ClientCertificateMode) = (SmPair.ClientCredential, SmClientCertificateMode.Require);
        await using SmPair pair = SmPair.Create();
        (pair.ClientTransport.MaxRead, pair.ServerTransport.MaxRead) = (1, 1);
        await pair.HandshakeAsync(client, server);
        await Task.WhenAll(WriteOneByOneAsync(pair.Client), ReadOneByOneAsync(pair.Server), WriteOneByOneAsync(pair.Server), ReadOneByOneAsync(pair.Client));

        async Task WriteOneByOneAsync(SmSslStream stream)
        {
            for (int i = 0; i < data.Length; i++)
            {
                await stream.WriteAsync(data.AsMemory(i, 1));
            }
            await stream.ShutdownAsync();
        }

        async Task ReadOneByOneAsync(SmSslStream stream)
        {
            byte[] one = new byte[1];
            for (int i = 0; i < data.Length; i++)
            {
                Assert.Equal(1, await stream.ReadAsync(one));
                Assert.Equal(data[i], one[0]);
            }
            Assert.Equal(0, await stream.ReadAsync(one));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Long_streams_in_both_directions_at_once_arrive_unchanged(SmCipherSuite suite)
    {
        long bytes = (s_full ? 1L << 30 : 64L << 20) / (suite.Mode() == SmCipherMode.Gcm ? 1 : 4);
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        string[] hashes = await Task.WhenAll(SendAsync(pair.Client, 1), ReceiveAsync(pair.Server), SendAsync(pair.Server, 2), ReceiveAsync(pair.Client));
        Assert.Equal((hashes[0], hashes[2]), (hashes[1], hashes[3]));
        Assert.NotEqual(hashes[0], hashes[2]);

        Task<string> SendAsync(SmSslStream stream, int seed) => Task.Run(async () =>
        {
            Random random = new(seed);
            byte[] chunk = new byte[300_000];
            random.NextBytes(chunk);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long left = bytes; left > 0;)
            {
                // Pieces of all sizes, and each chunk differs from the one before.
                int length = (int)Math.Min(left, 1 + random.Next(chunk.Length));
                chunk[0]++;
                hash.AppendData(chunk, 0, length);
                await stream.WriteAsync(chunk.AsMemory(0, length));
                left -= length;
            }
            await stream.ShutdownAsync();
            return Convert.ToHexString(hash.GetHashAndReset());
        });

        static Task<string> ReceiveAsync(SmSslStream stream) => Task.Run(async () =>
        {
            byte[] buffer = new byte[100_000];
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (int length; (length = await stream.ReadAsync(buffer)) > 0;)
            {
                hash.AppendData(buffer, 0, length);
            }
            return Convert.ToHexString(hash.GetHashAndReset());
        });
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task A_transport_that_ends_without_close_notify_is_a_truncation_and_with_it_is_the_end(SmCipherSuite suite)
    {
        await using SmPair cut = await SmPair.ConnectAsync(suite);
        await cut.Server.WriteAsync("all of it?"u8.ToArray());
        cut.ServerTransport.SendFin();
        byte[] buffer = new byte[100];
        Assert.Equal("all of it?", Encoding.ASCII.GetString(buffer, 0, await cut.Client.ReadAsync(buffer)));
        for (int i = 0; i < 2; i++)
        {
            SmTlsException e = await Assert.ThrowsAsync<SmTlsException>(async () => await cut.Client.ReadAsync(buffer));
            Assert.Equal(SmTlsError.Truncated, e.Error);
        }

        await using SmPair closed = await SmPair.ConnectAsync(suite);
        await closed.Server.WriteAsync("all of it."u8.ToArray());
        await closed.Server.ShutdownAsync();
        closed.ServerTransport.SendFin();
        Assert.Equal(10, await closed.Client.ReadAsync(buffer));
        Assert.Equal(0, await closed.Client.ReadAsync(buffer));
        Assert.Equal(0, await closed.Client.ReadAsync(buffer));
    }

    [Fact]
    public async Task A_transport_that_ends_inside_a_record_is_a_truncation()
    {
        (MemoryTransport near, MemoryTransport far) = MemoryTransport.Pair();
        await using SmPair pair = await SmPair.ConnectAsync(SmCipherSuite.TlsSm4GcmSm3);
        MemoryTransportLog log = new();
        pair.ServerTransport.Tamper = bytes => log.Add(false, bytes);
        await pair.Server.WriteAsync(new byte[1000]);
        byte[] buffer = new byte[2000];
        Assert.Equal(1000, await pair.Client.ReadAsync(buffer));
        await far.WriteAsync(log.Segments[0].Bytes.AsMemory(0, 500));
        far.SendFin();
        SmSslStream client = new(near);
        SmTlsException e = await Assert.ThrowsAsync<SmTlsException>(() => client.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tls13)));
        Assert.Equal(SmTlsError.Truncated, e.Error);
        Assert.Contains("in the middle of a record", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task A_reset_is_the_transports_own_error(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        pair.ServerTransport.Reset();
        IOException e = await Assert.ThrowsAnyAsync<IOException>(async () => await pair.Client.ReadAsync(new byte[1]));
        Assert.IsNotType<SmTlsException>(e);
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4CbcSm3, true)]
    [InlineData(SmCipherSuite.EccSm4CbcSm3, false)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3, true)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3, false)]
    public async Task Each_end_may_close_first_and_go_on_to_read(SmCipherSuite suite, bool clientFirst)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        (SmSslStream first, SmSslStream second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await first.WriteAsync("question"u8.ToArray());
        await first.ShutdownAsync();
        await first.ShutdownAsync();
        Assert.False(first.CanWrite);
        Assert.Equal(SmTlsError.ConnectionClosed, (await Assert.ThrowsAsync<SmTlsException>(async () => await first.WriteAsync(new byte[1]))).Error);
        Assert.Equal("question", await ReadAllAsync(second));
        await second.WriteAsync("answer"u8.ToArray());
        await second.ShutdownAsync();
        Assert.Equal("answer", await ReadAllAsync(first));
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task Disposing_says_close_notify_also_when_it_is_not_awaited(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        await pair.Client.WriteAsync("bye"u8.ToArray());
#pragma warning disable CA1849 // what HttpClient does
        pair.Client.Dispose();
#pragma warning restore CA1849
        Assert.Equal("bye", await ReadAllAsync(pair.Server));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await pair.Client.ReadAsync(new byte[1]));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await pair.Client.WriteAsync(new byte[1]));
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.EccSm4CbcSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task A_changed_record_ends_the_connection_at_both_ends_after_what_came_before(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        await pair.Server.WriteAsync("good"u8.ToArray());
        pair.ServerTransport.Tamper = bytes => bytes[^1] ^= 1;
        await pair.Server.WriteAsync("bad"u8.ToArray());
        byte[] buffer = new byte[100];
        Assert.Equal(4, await pair.Client.ReadAsync(buffer));
        Assert.Equal(SmTlsError.BadRecordMac, (await Assert.ThrowsAsync<SmTlsException>(async () => await pair.Client.ReadAsync(buffer))).Error);
        SmTlsException told = await Assert.ThrowsAsync<SmTlsException>(async () => await pair.Server.ReadAsync(buffer));
        Assert.Equal((SmTlsError.PeerAlert, AlertDescription.BadRecordMac), (told.Error, told.Alert));
        await Assert.ThrowsAsync<SmTlsException>(async () => await pair.Client.WriteAsync(buffer));
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task A_server_that_does_not_answer_is_a_typed_timeout(SmProtocol protocol)
    {
        await using SmPair pair = SmPair.Create();
        FakeTimeProvider clock = SmPair.Clock();
        SmSslClientAuthenticationOptions options = SmPair.ClientOptions(protocol);
        options.TimeProvider = clock;
        Task handshake = pair.Client.AuthenticateAsClientAsync(options);
        await pair.ClientTransport.IdleWait.Task;
        clock.Advance(options.HandshakeTimeout);
        SmTlsException e = await Assert.ThrowsAsync<SmTlsException>(() => handshake);
        Assert.Equal(SmTlsError.HandshakeTimeout, e.Error);
        Assert.Contains("has not answered", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SmProtocol.Tlcp)]
    [InlineData(SmProtocol.Tls13)]
    public async Task A_client_that_drips_its_hello_has_the_same_time_as_any_other(SmProtocol protocol)
    {
        await using SmPair pair = SmPair.Create();
        MemoryTransportLog log = new();
        await using (SmPair model = SmPair.Create(log))
        {
            Task ignored = model.Client.AuthenticateAsClientAsync(SmPair.ClientOptions(protocol));
            await model.ClientTransport.IdleWait.Task;
        }
        byte[] hello = log.Segments[0].Bytes;
        FakeTimeProvider clock = SmPair.Clock();
        SmSslServerAuthenticationOptions options = SmPair.ServerOptions();
        options.TimeProvider = clock;
        Task handshake = pair.Server.AuthenticateAsServerAsync(options);
        // One byte each second: every byte is progress, and the limit is over all of them.
        for (int i = 0; i < options.HandshakeTimeout.TotalSeconds; i++)
        {
            Assert.False(handshake.IsCompleted);
            await pair.ClientTransport.WriteAsync(hello.AsMemory(i, 1));
            clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(SmTlsError.HandshakeTimeout, (await Assert.ThrowsAsync<SmTlsException>(() => handshake)).Error);
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_timeout()
    {
        await using SmPair pair = SmPair.Create();
        using CancellationTokenSource cancel = new();
        Task handshake = pair.Client.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tls13), cancel.Token);
        await pair.ClientTransport.IdleWait.Task;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => handshake);
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Client.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tls13)));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.WriteAsync(new byte[1]));
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("220 mail.example.cn ESMTP\r\n")]
    public async Task Another_protocol_on_the_port_is_named_with_its_first_bytes(string banner)
    {
        await using SmPair pair = SmPair.Create();
        await pair.ServerTransport.WriteAsync(Encoding.ASCII.GetBytes(banner));
        SmTlsException atClient = await Assert.ThrowsAsync<SmTlsException>(() => pair.Client.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tlcp)));
        Assert.Contains(banner[..3], atClient.Message, StringComparison.Ordinal);

        await using SmPair other = SmPair.Create();
        await other.ClientTransport.WriteAsync(Encoding.ASCII.GetBytes(banner));
        SmTlsException atServer = await Assert.ThrowsAsync<SmTlsException>(() => other.Server.AuthenticateAsServerAsync(SmPair.ServerOptions()));
        Assert.Equal((SmTlsError.InvalidRecordType, SmTlsError.InvalidRecordType), (atClient.Error, atServer.Error));
        Assert.Contains(banner[..3], atServer.Message, StringComparison.Ordinal);
        Assert.Equal(0, other.ServerTransport.Written);
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task A_cancelled_read_loses_nothing(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        byte[] buffer = new byte[10];
        for (int i = 0; i < 3; i++)
        {
            using CancellationTokenSource cancel = new();
            pair.ClientTransport.IdleWait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            ValueTask<int> read = pair.Client.ReadAsync(buffer, cancel.Token);
            await pair.ClientTransport.IdleWait.Task;
            await Assert.ThrowsAsync<NotSupportedException>(async () => await pair.Client.ReadAsync(buffer));
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);
        }
        await pair.Server.WriteAsync("still here"u8.ToArray());
        Assert.Equal(10, await pair.Client.ReadAsync(buffer));
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task A_cancelled_write_ends_writing_and_not_reading(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        pair.ClientTransport.WriteGate = new TaskCompletionSource().Task;
        using CancellationTokenSource cancel = new();
        ValueTask write = pair.Client.WriteAsync(new byte[100], cancel.Token);
        await Assert.ThrowsAsync<NotSupportedException>(async () => await pair.Client.WriteAsync(new byte[1]));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await write);
        pair.ClientTransport.WriteGate = null;
        SmTlsException e = await Assert.ThrowsAsync<SmTlsException>(async () => await pair.Client.WriteAsync(new byte[1]));
        Assert.Equal(SmTlsError.ConnectionClosed, e.Error);
        await pair.Server.WriteAsync("read me"u8.ToArray());
        Assert.Equal(7, await pair.Client.ReadAsync(new byte[100]));
    }

    [Theory]
    [InlineData(SmCipherSuite.EccSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    public async Task An_idle_read_holds_no_buffer_and_an_empty_one_says_when_there_is_data(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        byte[] buffer = new byte[100];
        for (int i = 0; i < 2; i++)
        {
            pair.ClientTransport.IdleWait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            ValueTask<int> read = pair.Client.ReadAsync(i == 0 ? buffer : Memory<byte>.Empty);
            await pair.ClientTransport.IdleWait.Task;
            Assert.Equal(0, pair.ClientTransport.WaitingBufferBytes);
            Assert.True(pair.Client.HoldsNoBuffer);
            await pair.Server.WriteAsync("data"u8.ToArray());
            Assert.Equal(i == 0 ? 4 : 0, await read);
        }
        Assert.Equal(4, await pair.Client.ReadAsync(buffer));
        Assert.True(pair.Client.HoldsNoBuffer);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Nothing_is_allocated_per_record(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        byte[] data = new byte[40_000], buffer = new byte[40_000];
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 20; i++)
            {
                Complete(pair.Client.WriteAsync(data));
                for (int read = 0; read < data.Length;)
                {
                    read += CompleteRead(pair.Server.ReadAsync(buffer));
                }
            }
        });
        // The pipes of the transport keep segments of their own; a record of this library would show in each of the 60.
        Assert.InRange(allocated, 0, 0);

        static void Complete(ValueTask task)
        {
            Assert.True(task.IsCompletedSuccessfully);
            task.GetAwaiter().GetResult();
        }

        static int CompleteRead(ValueTask<int> task)
        {
            Assert.True(task.IsCompletedSuccessfully);
            return task.GetAwaiter().GetResult();
        }
    }

    [Fact]
    public async Task Disposing_ends_a_handshake_and_a_read_that_wait()
    {
        SmPair early = SmPair.Create();
        Task handshake = early.Client.AuthenticateAsClientAsync(SmPair.ClientOptions(SmProtocol.Tls13));
        await early.ClientTransport.IdleWait.Task;
        await early.Client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => handshake);

        SmPair later = await SmPair.ConnectAsync(SmCipherSuite.TlsSm4GcmSm3);
        later.ClientTransport.IdleWait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ValueTask<int> read = later.Client.ReadAsync(new byte[10]);
        await later.ClientTransport.IdleWait.Task;
        await later.Client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await read);
        Assert.True(later.Client.HoldsNoBuffer);
        // The peer was told.
        Assert.Equal(0, await later.Server.ReadAsync(new byte[1]));
    }

    [Fact]
    public void A_transport_must_go_both_ways() => Assert.Throws<ArgumentException>(() => new SmSslStream(new MemoryStream([], writable: false)));

    [Fact]
    public async Task Nothing_works_before_the_handshake()
    {
        await using SmPair pair = SmPair.Create();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.ReadAsync(new byte[1]));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Client.WriteAsync(new byte[1]));
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Client.ShutdownAsync());
        Assert.Equal((false, false, SmProtocol.None, SmCipherSuite.None), (pair.Client.CanRead, pair.Client.CanWrite, pair.Client.NegotiatedProtocol, pair.Client.NegotiatedCipherSuite));
    }

    private static async Task<string> ReadAllAsync(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return Encoding.ASCII.GetString(all.ToArray());
    }
}
