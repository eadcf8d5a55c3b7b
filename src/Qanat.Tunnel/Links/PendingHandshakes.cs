using System.Net;

namespace Qanat.Tunnel.Links;

/// <summary>Bounds the handshakes under way. When all places are taken the oldest one that has proven nothing gives way: slow strangers cannot keep the door shut.</summary>
internal sealed class PendingHandshakes(int max, int maxPerAddress)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Entry> _unproven = new();
    private readonly Dictionary<IPAddress, int> _perAddress = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes a place; null when the address has its share.</summary>
    public Entry? TryAdd(IPAddress address, CancellationTokenSource deadline)
    {
        Entry entry = new(this, address, deadline);
        Entry? dropped = null;
        lock (_gate)
        {
            int share = _perAddress.GetValueOrDefault(address);
            if (share >= maxPerAddress || (_count >= max && _unproven.First is null))
            {
                return null;
            }
            if (_count >= max)
            {
                dropped = _unproven.First!.Value;
                Forget(dropped);
            }
            _perAddress[address] = _perAddress.GetValueOrDefault(address) + 1;
            _unproven.AddLast(entry.Node);
            _count++;
        }
        dropped?.Abort();
        return entry;
    }

    private void MarkProven(Entry entry)
    {
        lock (_gate)
        {
            if (entry.Node.List is not null)
            {
                _unproven.Remove(entry.Node);
            }
        }
    }

    public void Remove(Entry entry)
    {
        lock (_gate)
        {
            Forget(entry);
        }
    }

    public void AbortAll()
    {
        Entry[] all;
        lock (_gate)
        {
            all = [.. _unproven];
        }
        foreach (Entry entry in all)
        {
            entry.Abort();
        }
    }

    private void Forget(Entry entry)
    {
        if (entry.IsGone)
        {
            return;
        }
        entry.IsGone = true;
        if (entry.Node.List is not null)
        {
            _unproven.Remove(entry.Node);
        }
        _count--;
        int share = _perAddress[entry.Address] - 1;
        if (share == 0)
        {
            _perAddress.Remove(entry.Address);
        }
        else
        {
            _perAddress[entry.Address] = share;
        }
    }

    /// <summary>One handshake under way.</summary>
    internal sealed class Entry
    {
        private readonly CancellationTokenSource _deadline;

        private readonly PendingHandshakes _owner;

        public Entry(PendingHandshakes owner, IPAddress address, CancellationTokenSource deadline)
        {
            _owner = owner;
            Address = address;
            _deadline = deadline;
            Node = new LinkedListNode<Entry>(this);
        }

        public IPAddress Address { get; }

        public LinkedListNode<Entry> Node { get; }

        public bool IsGone { get; set; }

        /// <summary>The initiator has proven its key: it is not dropped for others any more.</summary>
        public void MarkProven() => _owner.MarkProven(this);

        public void Abort()
        {
            try
            {
                _deadline.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended by itself meanwhile.
            }
        }
    }
}
