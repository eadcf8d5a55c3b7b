using Qanat.Node.Options;
using Qanat.Tunnel.Access;

namespace Qanat.Node.Services;

/// <summary>One published service, as configured now.</summary>
internal sealed class PublishedService(string name, ServiceOptions options, AllowList allow, ServiceBackend backend, ConnectionCount connections)
{
    public string Name => name;

    public ServiceOptions Options => options;

    public AllowList Allow => allow;

    public ServiceBackend Backend => backend;

    /// <summary>Connections of all peers; survives a reload.</summary>
    public ConnectionCount Connections => connections;
}

/// <summary>A counter with a cap.</summary>
internal sealed class ConnectionCount
{
    private int _count;

    public int Value => Volatile.Read(ref _count);

    public bool TryEnter(int max)
    {
        if (Interlocked.Increment(ref _count) <= max)
        {
            return true;
        }
        Interlocked.Decrement(ref _count);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _count);
}
