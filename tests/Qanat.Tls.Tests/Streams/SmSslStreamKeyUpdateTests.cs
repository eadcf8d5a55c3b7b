using System.Security.Cryptography;
using Qanat.Tls.Engine.Tls13;

namespace Qanat.Tls.Tests.Streams;

/// <summary>Keys of TLS 1.3 that change while data flows.</summary>
public sealed class SmSslStreamKeyUpdateTests
{
    private const int Writes = 200, Chunk = 50_000;

    [Theory]
    [InlineData(SmCipherSuite.TlsSm4GcmSm3)]
    [InlineData(SmCipherSuite.TlsSm4CcmSm3)]
    public async Task Keys_change_while_both_ends_read_and_write_and_nothing_is_lost(SmCipherSuite suite)
    {
        await using SmPair pair = await SmPair.ConnectAsync(suite);
        string[] hashes = await Task.WhenAll(SendAsync(pair.Client, 1), ReceiveAsync(pair.Server), SendAsync(pair.Server, 2), ReceiveAsync(pair.Client));
        Assert.Equal((hashes[0], hashes[2]), (hashes[1], hashes[3]));
        // At least the own ones of the peer: one for every tenth write.
        Assert.All(new[] { pair.Client, pair.Server }, end => Assert.True(EngineOf(end).PeerKeyUpdates >= Writes / 10, $"{EngineOf(end).PeerKeyUpdates}"));

        static Task<string> SendAsync(SmSslStream stream, int seed) => Task.Run(async () =>
        {
            byte[] chunk = new byte[Chunk];
            new Random(seed).NextBytes(chunk);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (int i = 0; i < Writes; i++)
            {
                if (i % 10 == 0)
                {
                    EngineOf(stream).UpdateKeys(requestPeer: i % 20 == 0);
                }
                chunk[0]++;
                hash.AppendData(chunk);
                await stream.WriteAsync(chunk);
            }
            await stream.ShutdownAsync();
            return Convert.ToHexString(hash.GetHashAndReset());
        });

        static Task<string> ReceiveAsync(SmSslStream stream) => Task.Run(async () =>
        {
            byte[] buffer = new byte[Chunk];
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (int length; (length = await stream.ReadAsync(buffer)) > 0;)
            {
                hash.AppendData(buffer, 0, length);
            }
            return Convert.ToHexString(hash.GetHashAndReset());
        });
    }

    [Fact]
    public async Task An_end_that_only_reads_answers_a_request_for_new_keys()
    {
        await using SmPair pair = await SmPair.ConnectAsync(SmCipherSuite.TlsSm4GcmSm3);
        long before = pair.ServerTransport.Written;
        EngineOf(pair.Client).UpdateKeys(requestPeer: true);
        await pair.Client.WriteAsync("x"u8.ToArray());
        await pair.Server.ReadExactlyAsync(new byte[1]);
        Assert.True(pair.ServerTransport.Written > before);
        // And its next data come under the new keys.
        await pair.Server.WriteAsync("y"u8.ToArray());
        await pair.Client.ReadExactlyAsync(new byte[1]);
        Assert.Equal((1, 1), (EngineOf(pair.Client).PeerKeyUpdates, EngineOf(pair.Server).PeerKeyUpdates));
    }

    private static Tls13Engine EngineOf(SmSslStream stream) => (Tls13Engine)stream.Engine!;
}
