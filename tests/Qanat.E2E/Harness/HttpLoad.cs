using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Qanat.E2E.Harness;

/// <summary>Short HTTP connections through a proxy port: a new TCP connection for each request, the whole answer checked.</summary>
internal sealed class HttpLoad(int proxyPort, string url, string expectedBody)
{
    private readonly byte[] _request = Encoding.ASCII.GetBytes(
        $"GET {url} HTTP/1.1\r\nHost: {new Uri(url).Authority}\r\nConnection: close\r\n\r\n");
    private readonly byte[] _expectedBody = Encoding.ASCII.GetBytes(expectedBody);
    private long _succeeded;

    public long Succeeded => Interlocked.Read(ref _succeeded);

    /// <summary>What went wrong, by kind, with a count and one example.</summary>
    public ConcurrentDictionary<string, int> Failures { get; } = new();

    /// <summary>Runs <paramref name="count"/> requests with <paramref name="clients"/> in flight.</summary>
    public async Task RunAsync(long count, int clients)
    {
        long left = count;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            byte[] buffer = new byte[8192];
            while (Interlocked.Decrement(ref left) >= 0)
            {
                await OneAsync(buffer);
            }
        })));
    }

    private async Task OneAsync(byte[] buffer)
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(false, 0) };
            await socket.ConnectAsync(IPAddress.Loopback, proxyPort);
            await socket.SendAsync(_request);
            int held = 0;
            while (true)
            {
                int read = await socket.ReceiveAsync(buffer.AsMemory(held));
                if (read == 0)
                {
                    break;
                }
                held += read;
            }
            ReadOnlySpan<byte> answer = buffer.AsSpan(0, held);
            if (answer.StartsWith("HTTP/1.1 200"u8) && answer.EndsWith(_expectedBody))
            {
                Interlocked.Increment(ref _succeeded);
            }
            else
            {
                Failures.AddOrUpdate(Encoding.ASCII.GetString(answer[..Math.Min(400, answer.Length)]), 1, (_, n) => n + 1);
            }
        }
        catch (SocketException e)
        {
            Failures.AddOrUpdate(e.SocketErrorCode.ToString(), 1, (_, n) => n + 1);
        }
    }
}
