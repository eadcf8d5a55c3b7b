using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Load;

/// <param name="Target">Where connections are passed on to.</param>
public sealed record CutterArguments(string Target);

/// <summary>TCP proxy in front of a relay that can break all its connections at once (both sides see a reset) and takes new ones at once.</summary>
public sealed class LinkCutter : IWorkerService
{
    private readonly TcpListener _listener = new(IPAddress.Any, 0);
    private readonly ConcurrentDictionary<Socket, Socket> _pairs = new();
    private readonly IPEndPoint _target;

    public LinkCutter(CutterArguments arguments)
    {
        _target = IPEndPoint.Parse(arguments.Target);
        _listener.Start(1024);
        new Thread(AcceptLoop) { IsBackground = true, Name = "cutter accept" }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Count => _pairs.Count;

    /// <summary>Breaks every connection there is now.</summary>
    public int Cut()
    {
        int cut = 0;
        foreach ((Socket near, Socket far) in _pairs)
        {
            if (_pairs.TryRemove(near, out _))
            {
                near.Close(0);
                far.Close(0);
                cut++;
            }
        }
        return cut;
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
    }

    private void AcceptLoop()
    {
        try
        {
            while (true)
            {
                Socket near = _listener.AcceptSocket();
                Socket far = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    far.Connect(_target);
                }
                catch (SocketException)
                {
                    near.Close(0);
                    continue;
                }
                near.NoDelay = far.NoDelay = true;
                _pairs[near] = far;
                new Thread(() => Pump(near, far, near), 256 * 1024) { IsBackground = true }.Start();
                new Thread(() => Pump(far, near, near), 256 * 1024) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Released.
        }
    }

    private void Pump(Socket from, Socket to, Socket key)
    {
        byte[] buffer = new byte[128 * 1024];
        try
        {
            int n;
            while ((n = from.Receive(buffer)) > 0)
            {
                to.Send(buffer.AsSpan(0, n));
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (_pairs.TryRemove(key, out Socket? far))
            {
                key.Close(0);
                far.Close(0);
            }
        }
    }
}
