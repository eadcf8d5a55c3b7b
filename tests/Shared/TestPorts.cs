using System.Net;
using System.Net.Sockets;

namespace Qanat.Tests;

/// <summary>
/// Ports for servers whose address must be known before they start. Below the range from which the kernel serves connections and port 0: there,
/// a port that was free a moment ago is often taken by another test's connection. Thread-safe.
/// </summary>
internal static class TestPorts
{
    private const int First = 20_000, AfterLast = 32_000;
    private static readonly HashSet<int> s_given = [];

    /// <summary>A loopback TCP port that nothing listens on, given once in this process.</summary>
    public static int Take()
    {
        lock (s_given)
        {
            while (true)
            {
                int port = Random.Shared.Next(First, AfterLast);
                if (s_given.Add(port) && IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    private static bool IsFree(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
