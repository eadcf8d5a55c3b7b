using System.Net;
using System.Net.Sockets;

namespace Qanat.Tests;

/// <summary>
/// Ports for servers whose address must be known before they start, and for addresses at which nobody may listen. Below the range from which the kernel
/// serves connections and port 0, so that no other connection takes one; a file lock per port, held until this process ends, keeps the other test
/// programs of this machine off it, also while its server is down. Thread-safe.
/// </summary>
internal static class TestPorts
{
    private const int First = 20_000, AfterLast = 32_000;
    private static readonly Dictionary<int, FileStream> s_given = [];
    private static readonly string s_locks = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"qanat-test-ports-{Environment.UserName}")).FullName;

    /// <summary>A loopback TCP port that nothing listens on, given once on this machine while this process lives.</summary>
    public static int Take()
    {
        lock (s_given)
        {
            while (true)
            {
                int port = Random.Shared.Next(First, AfterLast);
                if (!s_given.ContainsKey(port) && TryLock(port) is { } held)
                {
                    if (IsFree(port))
                    {
                        s_given[port] = held;
                        return port;
                    }
                    held.Dispose();
                }
            }
        }
    }

    private static FileStream? TryLock(int port)
    {
        try
        {
            return new FileStream(Path.Combine(s_locks, $"{port}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
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
