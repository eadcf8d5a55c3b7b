using System.Net;
using System.Net.Sockets;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Load;

/// <summary>Bulk backend: one blocking thread for each connection. Listens on all addresses of its site.</summary>
public sealed class BulkListener : IWorkerService
{
    private readonly TcpListener _listener = new(IPAddress.Any, 0);
    private int _open;

    public BulkListener()
    {
        _listener.Start(1024);
        new Thread(AcceptLoop) { IsBackground = true, Name = "bulk accept" }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Count => Volatile.Read(ref _open);

    public void Dispose() => _listener.Dispose();

    private void AcceptLoop()
    {
        try
        {
            while (true)
            {
                Socket socket = _listener.AcceptSocket();
                // 128 KiB of stack: 1,000 idle streams must not weigh on the machine.
                new Thread(() => Serve(socket), 128 * 1024) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Released.
        }
    }

    private void Serve(Socket socket)
    {
        Interlocked.Increment(ref _open);
        try
        {
            using NetworkStream stream = new(socket, ownsSocket: true);
            BulkProtocol.ServeAsync(stream, sync: true).GetAwaiter().GetResult();
        }
        catch (IOException)
        {
            // The client stopped a timed transfer.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
