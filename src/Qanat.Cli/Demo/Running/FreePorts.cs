using System.Net;
using System.Net.Sockets;

namespace Qanat.Cli.Demo.Running;

/// <summary>Hands out loopback ports that nobody listens on, below the range that outgoing connections use.</summary>
internal sealed class FreePorts
{
    private readonly HashSet<int> _given = [];

    /// <summary>A port that is free now and that this object gives once only.</summary>
    public int Next()
    {
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            int port = Random.Shared.Next(20_000, 32_000);
            if (!_given.Add(port))
            {
                continue;
            }
            try
            {
                using Socket probe = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: try another.
            }
        }
        throw new CliException("no-free-port", "no free loopback port between 20000 and 32000");
    }
}
