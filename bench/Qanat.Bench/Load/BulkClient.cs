using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Qanat.Bench.Load;

/// <summary>Bulk transfers over TCP.</summary>
/// <param name="Target">Address and port of the entry.</param>
/// <param name="Streams">Connections at once.</param>
/// <param name="Bytes">Bytes for each stream; ignored when <paramref name="Seconds"/> is above 0.</param>
/// <param name="Direction">Down or Up.</param>
/// <param name="Seconds">When above 0: transfer without end and stop after this time.</param>
/// <param name="Connect">Authority for an HTTP CONNECT first, or null.</param>
/// <param name="BytesPerSecond">When above 0: the receiver reads no faster than this (down only).</param>
public sealed record BulkArguments(string Target, int Streams, long Bytes, BulkDirection Direction, double Seconds = 0, string? Connect = null, double BytesPerSecond = 0);

/// <param name="Bytes">Bytes of all streams.</param>
/// <param name="Seconds">From the first connect to the last answer.</param>
/// <param name="PerStream">Bytes of each stream.</param>
/// <param name="LongestGapSeconds">Longest time in which no stream got anything.</param>
public sealed record BulkResult(long Bytes, double Seconds, long[] PerStream, double LongestGapSeconds)
{
    public double MegabytesPerSecond => Bytes / 1e6 / Seconds;

    /// <summary>Jain's fairness index of the streams' bytes: 1 is equal shares, 1/n is one stream taking all.</summary>
    public double Jain
    {
        get
        {
            double sum = PerStream.Sum(b => (double)b);
            double squares = PerStream.Sum(b => (double)b * b);
            return squares == 0 ? 0 : sum * sum / (PerStream.Length * squares);
        }
    }
}

public static class BulkClient
{
    public static Task<BulkResult> RunAsync(BulkArguments arguments) => Task.Factory.StartNew(() => Run(arguments), TaskCreationOptions.LongRunning);

    private static BulkResult Run(BulkArguments arguments)
    {
        bool timed = arguments.Seconds > 0;
        long bytes = timed ? long.MaxValue / 2 : arguments.Bytes;
        long[] perStream = new long[arguments.Streams];
        Exception? failure = null;
        GapMeter gap = new();
        Lock gapLock = new();
        List<Socket> sockets = [];
        List<Thread> threads = [];
        bool stopping = false;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < arguments.Streams; i++)
        {
            int index = i;
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            Thread thread = new(() =>
            {
                try
                {
                    socket.Connect(IPEndPoint.Parse(arguments.Target));
                    using NetworkStream stream = new(socket, ownsSocket: true);
                    HttpConnect.Open(stream, arguments.Connect);
                    long streamStart = Stopwatch.GetTimestamp();
                    bool right = BulkProtocol.TransferAsync(stream, arguments.Direction, bytes, sync: true, n =>
                    {
                        perStream[index] += n;
                        lock (gapLock)
                        {
                            gap.Mark();
                        }
                        Pace(perStream[index], arguments.BytesPerSecond, streamStart);
                    }).GetAwaiter().GetResult();
                    if (!right && !Volatile.Read(ref stopping))
                    {
                        failure = new InvalidDataException("wrong or missing bytes");
                    }
                }
                catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
                {
                    if (!Volatile.Read(ref stopping))
                    {
                        failure = e;
                    }
                }
            }, 256 * 1024)
            { IsBackground = true };
            threads.Add(thread);
            thread.Start();
        }
        long[]? atEnd = null;
        double seconds = 0;
        if (timed)
        {
            Thread.Sleep(TimeSpan.FromSeconds(arguments.Seconds));
            atEnd = [.. perStream];
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Volatile.Write(ref stopping, true);
            sockets.ForEach(socket => socket.Close(0));
        }
        threads.ForEach(thread => thread.Join());
        if (failure is not null)
        {
            throw failure;
        }
        atEnd ??= perStream;
        return new BulkResult(atEnd.Sum(), timed ? seconds : Stopwatch.GetElapsedTime(start).TotalSeconds, atEnd, gap.Longest.TotalSeconds);
    }

    private static void Pace(long bytes, double bytesPerSecond, long start)
    {
        if (bytesPerSecond > 0)
        {
            TimeSpan ahead = TimeSpan.FromSeconds(bytes / bytesPerSecond) - Stopwatch.GetElapsedTime(start);
            if (ahead > TimeSpan.FromMilliseconds(2))
            {
                Thread.Sleep(ahead);
            }
        }
    }
}
