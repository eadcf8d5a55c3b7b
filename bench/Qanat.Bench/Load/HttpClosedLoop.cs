using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Qanat.Bench.Load;

/// <summary>How a new request is made.</summary>
public enum HttpMode
{
    /// <summary>Origin form straight to the target.</summary>
    Origin,
    /// <summary>Absolute form to a forward proxy.</summary>
    Absolute,
    /// <summary>TLS 1.3 with a full handshake each time.</summary>
    TlsFull,
    /// <summary>TLS 1.3 that resumes the session of the request before.</summary>
    TlsResumed,
}

/// <summary>Closed loop of new connections with <c>Connection: close</c>.</summary>
/// <param name="Target">Address and port.</param>
/// <param name="Mode">Form of the request.</param>
/// <param name="Authority">Host of the request.</param>
/// <param name="Clients">Blocking clients, each with one request in flight.</param>
/// <param name="Seconds">How long.</param>
/// <param name="Warmup">Seconds before the clock starts.</param>
/// <param name="Certificate">PEM file of the only certificate accepted, for the TLS modes.</param>
public sealed record HttpArguments(string Target, HttpMode Mode, string Authority, int Clients, double Seconds, double Warmup = 0, string? Certificate = null);

/// <param name="Requests">Answered in full with status 200.</param>
/// <param name="Failures">Everything else.</param>
/// <param name="FirstFailure">The first failure, for the report.</param>
public sealed record HttpResult(long Requests, long Failures, double Seconds, double MedianMilliseconds, double P90Milliseconds, double P99Milliseconds, double MaxMilliseconds, string? FirstFailure)
{
    public double PerSecond => Requests / Seconds;
}

/// <summary>
/// The same hand-written client for every system: one blocking thread per client; connect, send, read to Content-Length, close. No allocation but the socket.
/// </summary>
public static class HttpClosedLoop
{
    private const int TimeoutMilliseconds = 10_000; // A request that takes longer is a failure, not a wait without end.

    public static HttpResult Run(HttpArguments arguments)
    {
        IPEndPoint target = IPEndPoint.Parse(arguments.Target);
        string path = arguments.Mode == HttpMode.Absolute ? $"http://{arguments.Authority}/" : "/";
        byte[] request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {arguments.Authority}\r\nConnection: close\r\n\r\n");
        using OpenSslClient? tls = arguments.Mode is HttpMode.TlsFull or HttpMode.TlsResumed ? new OpenSslClient(arguments.Certificate!, arguments.Mode == HttpMode.TlsResumed) : null;
        List<long>[] samples = new List<long>[arguments.Clients];
        long failures = 0;
        string? firstFailure = null;
        long begin = Stopwatch.GetTimestamp() + (long)(arguments.Warmup * Stopwatch.Frequency);
        long end = begin + (long)(arguments.Seconds * Stopwatch.Frequency);
        Thread[] threads = [.. Enumerable.Range(0, arguments.Clients).Select(index => new Thread(() =>
        {
            List<long> mine = samples[index] = new(4096);
            byte[] buffer = new byte[16 * 1024];
            nint session = 0;
            long now;
            while ((now = Stopwatch.GetTimestamp()) < end)
            {
                try
                {
                    using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    socket.NoDelay = true;
                    socket.ReceiveTimeout = socket.SendTimeout = TimeoutMilliseconds;
                    socket.Connect(target);
                    if (tls is null)
                    {
                        socket.Send(request);
                        ReadAnswer(buffer, into => socket.Receive(into));
                    }
                    else
                    {
                        tls.Exchange(socket, request, buffer, ref session, ReadAnswer);
                    }
                    long done = Stopwatch.GetTimestamp();
                    if (now >= begin && done <= end)
                    {
                        mine.Add(done - now);
                    }
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    if (Interlocked.Increment(ref failures) == 1)
                    {
                        firstFailure = e.Message;
                    }
                }
            }
            tls?.Forget(session);
        }, 256 * 1024)
        { IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }
        foreach (Thread thread in threads)
        {
            thread.Join();
        }
        long[] sorted = [.. samples.SelectMany(list => list).Order()];
        double At(double quantile) => sorted.Length == 0 ? double.NaN : sorted[(int)Math.Min(sorted.Length - 1, quantile * sorted.Length)] * 1000.0 / Stopwatch.Frequency;
        return sorted.Length == 0
            ? throw new IOException($"no request succeeded at {arguments.Target}: {firstFailure}")
            : new HttpResult(sorted.Length, failures, arguments.Seconds, At(0.5), At(0.9), At(0.99), At(1), firstFailure);
    }

    /// <summary>Reads one answer to the end of its Content-Length and checks status and length.</summary>
    private static void ReadAnswer(byte[] buffer, ReadBytes read)
    {
        int held = 0;
        int needed = int.MaxValue;
        while (held < needed)
        {
            int n = read(buffer.AsSpan(held));
            if (n <= 0)
            {
                throw new IOException($"the answer ended after {held} bytes: {Encoding.ASCII.GetString(buffer, 0, Math.Min(held, 64))}");
            }
            held += n;
            if (needed == int.MaxValue)
            {
                int headEnd = buffer.AsSpan(0, held).IndexOf("\r\n\r\n"u8);
                if (headEnd >= 0)
                {
                    needed = headEnd + 4 + CheckHead(buffer.AsSpan(0, headEnd));
                }
            }
        }
    }

    private static int CheckHead(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith("HTTP/1.1 200 "u8))
        {
            throw new IOException($"status: {Encoding.ASCII.GetString(head[..Math.Min(head.Length, 200)])}");
        }
        int at = head.IndexOf("ontent-Length: "u8);
        at = at >= 0 ? at : head.IndexOf("ontent-length: "u8);
        return at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(head[(at + 15)..], out int length, out _) && length == HttpBackend.BodyLength
            ? length
            : throw new IOException($"unexpected length: {Encoding.ASCII.GetString(head)}");
    }
}

/// <summary>Reads some bytes; 0 or less at the end.</summary>
public delegate int ReadBytes(Span<byte> into);
