using Qanat.Tls.Sessions;

namespace Qanat.Tls;

/// <summary>
/// Sessions of TLCP that may be resumed: of a server by session id, of a client by server and settings. Bounded in number and time; secrets are zeroed when an entry goes.
/// One cache may serve any number of connections, listeners and clients: a session is found only under the settings it was made under. Thread-safe.
/// <b>A cache in memory is as secret as the connections in it</b>: whoever reads it can read connections that were or will be resumed from it.
/// </summary>
public sealed class SmTlcpSessionCache : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, LinkedListNode<(Key Key, TlcpSession Session)>> _entries = [];
    private readonly LinkedList<(Key Key, TlcpSession Session)> _byAge = new();
    private bool _isDisposed;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="capacity">Most sessions held; each takes about 500 bytes, and 10 KiB more when the peer showed certificates that nothing else holds.</param>
    /// <param name="lifetime">How long a session may be resumed after its full handshake; null: 1 hour.</param>
    public SmTlcpSessionCache(int capacity = 4096, TimeSpan? lifetime = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = capacity;
        Lifetime = lifetime ?? TimeSpan.FromHours(1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Lifetime, TimeSpan.Zero, nameof(lifetime));
    }

    /// <summary>Most sessions held.</summary>
    public int Capacity { get; }

    /// <summary>How long a session may be resumed after its full handshake.</summary>
    public TimeSpan Lifetime { get; }

    /// <summary>How many sessions are held now, expired ones that nobody asked for included.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Forgets and zeroes everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            while (_byAge.Last is { } last)
            {
                Remove(last);
            }
        }
    }

    /// <summary>Forgets and zeroes everything, and takes nothing more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            Clear();
        }
    }

    /// <summary>A copy of the session, which the caller owns; null when there is none or it has expired.</summary>
    internal TlcpSession? Find(in Key key, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out LinkedListNode<(Key Key, TlcpSession Session)>? node))
            {
                return null;
            }
            if (now < node.Value.Session.Expires)
            {
                return node.Value.Session.Duplicate();
            }
            Remove(node);
            return null;
        }
    }

    /// <summary>Keeps a session, which the cache owns from here on; the oldest goes when there are too many.</summary>
    internal void Add(in Key key, TlcpSession session)
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                session.Dispose();
                return;
            }
            if (_entries.TryGetValue(key, out LinkedListNode<(Key Key, TlcpSession Session)>? old))
            {
                Remove(old);
            }
            _entries[key] = _byAge.AddFirst((key, session));
            if (_entries.Count > Capacity)
            {
                Remove(_byAge.Last!);
            }
        }
    }

    /// <summary>Forgets a session: its connection failed.</summary>
    internal void Remove(in Key key)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out LinkedListNode<(Key Key, TlcpSession Session)>? node))
            {
                Remove(node);
            }
        }
    }

    private void Remove(LinkedListNode<(Key Key, TlcpSession Session)> node)
    {
        _byAge.Remove(node);
        _entries.Remove(node.Value.Key);
        node.Value.Session.Dispose();
    }

    /// <summary>What a session is found by: its id in hex at a server, the server's name at a client; and the settings.</summary>
    internal readonly record struct Key(string Name, TlcpSessionScope Scope);
}
