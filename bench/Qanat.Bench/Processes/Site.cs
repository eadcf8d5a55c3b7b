using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Qanat.Testing;

namespace Qanat.Bench.Processes;

/// <summary>A place where processes run: this host's loopback, or a network namespace behind a delay wire.</summary>
/// <param name="Name">Such as <c>A</c>.</param>
/// <param name="Address">Address at which the other sites reach it.</param>
/// <param name="Namespace">Null for the host.</param>
public sealed record Site(string Name, IPAddress Address, NetworkNamespace? Namespace)
{
    /// <summary>All sites on loopback.</summary>
    public static Site Loopback(string name) => new(name, IPAddress.Loopback, null);

    /// <summary>Start information for a program at this site.</summary>
    public ProcessStartInfo StartInfo(string program, params IEnumerable<string> arguments) =>
        Namespace is null ? new ProcessStartInfo(program, arguments) : Namespace.StartInfo(program, arguments);

    /// <summary>A TCP port that nobody listens on at this site now.</summary>
    public int FreePort()
    {
        static int Find()
        {
            using TcpListener probe = new(IPAddress.Any, 0);
            probe.Start();
            return ((IPEndPoint)probe.LocalEndpoint).Port;
        }
        return Namespace is null ? Find() : Namespace.Run(Find);
    }

    /// <summary>Waits until something accepts connections at <paramref name="port"/> of this site.</summary>
    /// <exception cref="InvalidOperationException">Nothing did in time, or <paramref name="owner"/> ended.</exception>
    public async Task WaitForPortAsync(int port, ChildProcess owner, double seconds = 15)
    {
        IPAddress address = Namespace is null ? Address : IPAddress.Loopback;
        long deadline = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        while (!await AcceptsAsync(new IPEndPoint(address, port)).ConfigureAwait(false) && !(Namespace is not null && await AcceptsAsync(new IPEndPoint(Address, port)).ConfigureAwait(false)))
        {
            if (owner.HasExited)
            {
                throw new InvalidOperationException($"{owner.Role} ended before it listened on {port}: {owner.Tail}");
            }
            if (Stopwatch.GetTimestamp() > deadline)
            {
                throw new InvalidOperationException($"{owner.Role} did not listen on {port} in {seconds} s: {owner.Tail}");
            }
            await Task.Delay(20).ConfigureAwait(false);
        }
    }

    private async Task<bool> AcceptsAsync(IPEndPoint address)
    {
        try
        {
            using Socket socket = Namespace is null ? NewSocket() : Namespace.Run(NewSocket);
            await socket.ConnectAsync(address).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
