using Qanat.Tls.Engine.Tls13;

namespace Qanat.Tls;

/// <summary>
/// Tickets of TLS 1.3 servers that a client keeps to come back sooner (RFC 8446 section 4.6.1), by server name and by every setting that must be the same again. Each ticket is used once,
/// so that connections cannot be linked by it (RFC 8446 appendix C.4). Bounded: the least recently used server goes. One object may serve many connections; give it to
/// <see cref="SmSslClientAuthenticationOptions.Tickets"/>. Thread-safe.
/// </summary>
public sealed class SmTicketStore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Peer>> _peers = new(StringComparer.Ordinal);
    private readonly LinkedList<Peer> _byUse = new();
    private readonly int _capacity;
    private readonly int _ticketsPerPeer;
    private bool _isDisposed;

    /// <summary>Makes an empty store.</summary>
    /// <param name="capacity">Most servers remembered.</param>
    /// <param name="ticketsPerPeer">Most tickets kept of one server; the oldest go first.</param>
    public SmTicketStore(int capacity = 1024, int ticketsPerPeer = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ticketsPerPeer);
        (_capacity, _ticketsPerPeer) = (capacity, ticketsPerPeer);
    }

    /// <summary>Tickets held now, expired ones included.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _byUse.Sum(peer => peer.Tickets.Count);
            }
        }
    }

    /// <summary>Forgets and zeroes everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (Tls13Ticket ticket in _byUse.SelectMany(peer => peer.Tickets))
            {
                ticket.Dispose();
            }
            _peers.Clear();
            _byUse.Clear();
        }
    }

    /// <summary>Forgets and zeroes everything; takes no tickets any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            Clear();
        }
    }

    /// <summary>Keeps a ticket, which belongs to the store from here on.</summary>
    internal void Add(string key, Tls13Ticket ticket)
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                ticket.Dispose();
                return;
            }
            if (_peers.TryGetValue(key, out LinkedListNode<Peer>? node))
            {
                _byUse.Remove(node);
            }
            else
            {
                if (_peers.Count == _capacity)
                {
                    Remove(_byUse.Last!);
                }
                _peers[key] = node = new LinkedListNode<Peer>(new Peer(key));
            }
            _byUse.AddFirst(node);
            List<Tls13Ticket> tickets = node.Value.Tickets;
            if (tickets.Count == _ticketsPerPeer)
            {
                tickets[0].Dispose();
                tickets.RemoveAt(0);
            }
            tickets.Add(ticket);
        }
    }

    /// <summary>Takes the newest ticket out; the caller disposes it. Null when there is none in force.</summary>
    internal Tls13Ticket? Take(string key, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_peers.TryGetValue(key, out LinkedListNode<Peer>? node))
            {
                return null;
            }
            Tls13Ticket? found = null;
            List<Tls13Ticket> tickets = node.Value.Tickets;
            while (found is null && tickets.Count > 0)
            {
                found = tickets[^1];
                tickets.RemoveAt(tickets.Count - 1);
                if (now >= found.ExpiresAt || now < found.ReceivedAt)
                {
                    found.Dispose();
                    found = null;
                }
            }
            if (tickets.Count == 0)
            {
                Remove(node);
            }
            return found;
        }
    }

    private void Remove(LinkedListNode<Peer> node)
    {
        foreach (Tls13Ticket ticket in node.Value.Tickets)
        {
            ticket.Dispose();
        }
        _peers.Remove(node.Value.Key);
        _byUse.Remove(node);
    }

    private sealed record Peer(string Key)
    {
        public List<Tls13Ticket> Tickets { get; } = [];
    }
}
