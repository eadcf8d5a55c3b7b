using System.Buffers.Binary;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Messages;

namespace Qanat.Tls;

/// <summary>
/// Seals the sessions of a TLS 1.3 server into tickets that its clients keep (RFC 8446 section 4.6.1). Keys are made here, never leave this object and change with time, so a ticket is worth
/// nothing after a restart or to another server. One object may serve many connections; give it to <see cref="SmSslServerAuthenticationOptions.TicketKeys"/>. Thread-safe.
/// <para>
/// A ticket holds the pre-shared key and hashes of what must be the same again: suite, host name, application protocol, the server's certificate, the policy for client
/// certificates, and the client's certificates. Those themselves are kept here (bounded; least recently used go first) and are validated anew at every resumption.
/// </para>
/// </summary>
public sealed class SmTicketKeys : IDisposable
{
    private const int NameLength = 16;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int SealedLength = NameLength + NonceLength + Tls13Session.Length + TagLength;

    private readonly Lock _lock = new();
    private readonly LinkedList<Key> _keys = new();
    private readonly RecentChains _chains;
    private bool _isDisposed;

    /// <summary>Makes an object without keys; the first ticket makes the first key.</summary>
    /// <param name="maxClientChains">Most client certificate chains kept for resumption; each takes its DER, 1 to 2 KB as a rule.</param>
    public SmTicketKeys(int maxClientChains = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxClientChains);
        _chains = new RecentChains(maxClientChains);
    }

    /// <summary>How long a ticket is good for. Default two hours; from one second to seven days.</summary>
    public TimeSpan TicketLifetime
    {
        get;
        init => field = InRange(value, nameof(TicketLifetime));
    } = TimeSpan.FromHours(2);

    /// <summary>How long after the certificates were shown a session may be resumed, however often it was resumed meanwhile. Default one day; from one second to seven days.</summary>
    public TimeSpan SessionLifetime
    {
        get;
        init => field = InRange(value, nameof(SessionLifetime));
    } = TimeSpan.FromDays(1);

    /// <summary>How long one key seals tickets; it opens them for <see cref="TicketLifetime"/> more and is zeroed then. Default one hour; from one second to seven days.</summary>
    public TimeSpan KeyLifetime
    {
        get;
        init => field = InRange(value, nameof(KeyLifetime));
    } = TimeSpan.FromHours(1);

    /// <summary>Tickets given after each handshake, 1 to 16. Default 1; clients use each once.</summary>
    public int TicketsPerConnection
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 16);
            field = value;
        }
    } = 1;

    /// <summary>Keys that can open tickets now.</summary>
    public int KeyCount
    {
        get
        {
            lock (_lock)
            {
                return _keys.Count;
            }
        }
    }

    /// <summary>Zeroes all keys: every ticket given so far is worth nothing. The next ticket makes a new key.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            foreach (Key key in _keys)
            {
                key.Cipher.Dispose();
            }
            _keys.Clear();
            _chains.Clear();
        }
    }

    /// <summary>Zeroes all keys. Handshakes that still use this object give no tickets and resume nothing.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            Forget();
        }
    }

    internal byte[]? Seal(Tls13Session session, DateTimeOffset now)
    {
        byte[] ticket = new byte[SealedLength];
        Span<byte> content = ticket.AsSpan(NameLength + NonceLength, Tls13Session.Length);
        lock (_lock)
        {
            if (_isDisposed)
            {
                return null;
            }
            Key key = CurrentKey(now);
            key.Name.CopyTo(ticket, 0);
            // At most some 2^30 tickets in a key's life: random nonces of 96 bits do not meet, not even after a machine was restored from a snapshot.
            RandomNumberGenerator.Fill(ticket.AsSpan(NameLength, NonceLength));
            session.Write(content);
            key.Cipher.Encrypt(ticket.AsSpan(NameLength, NonceLength), content, content, ticket.AsSpan(^TagLength..), key.Name);
        }
        return ticket;
    }

    /// <summary>Opens a ticket of this object that has not expired; null for any other bytes.</summary>
    internal Tls13Session? Open(ReadOnlySpan<byte> ticket, DateTimeOffset now)
    {
        if (ticket.Length != SealedLength)
        {
            return null;
        }
        Span<byte> content = stackalloc byte[Tls13Session.Length];
        lock (_lock)
        {
            DropOldKeys(now);
            foreach (Key key in _keys)
            {
                // Names of keys are no secrets.
                if (!ticket[..NameLength].SequenceEqual(key.Name))
                {
                    continue;
                }
                try
                {
                    key.Cipher.Decrypt(ticket.Slice(NameLength, NonceLength), ticket.Slice(NameLength + NonceLength, Tls13Session.Length), ticket[^TagLength..], content, key.Name);
                }
                catch (AuthenticationTagMismatchException)
                {
                    return null;
                }
                Tls13Session session = Tls13Session.Read(content);
                CryptographicOperations.ZeroMemory(content);
                bool isGood = now - session.IssuedAt < TicketLifetime && now - session.AuthenticatedAt < SessionLifetime;
                if (!isGood)
                {
                    session.Dispose();
                }
                return isGood ? session : null;
            }
        }
        return null;
    }

    internal void RememberChain(ReadOnlySpan<byte> hash, byte[][] certificates)
    {
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _chains.Add(hash, certificates);
            }
        }
    }

    internal byte[][]? RecallChain(ReadOnlySpan<byte> hash)
    {
        lock (_lock)
        {
            return _chains.Get(hash);
        }
    }

    private Key CurrentKey(DateTimeOffset now)
    {
        DropOldKeys(now);
        if (_keys.First is { } first && now - first.Value.MadeAt < KeyLifetime)
        {
            return first.Value;
        }
        Span<byte> secret = stackalloc byte[16];
        RandomNumberGenerator.Fill(secret);
        Key key = new(RandomNumberGenerator.GetBytes(NameLength), new Sm4Gcm(secret, TagLength), now);
        CryptographicOperations.ZeroMemory(secret);
        _keys.AddFirst(key);
        return key;
    }

    private void DropOldKeys(DateTimeOffset now)
    {
        while (_keys.Last is { } last && now - last.Value.MadeAt >= KeyLifetime + TicketLifetime)
        {
            last.Value.Cipher.Dispose();
            _keys.RemoveLast();
        }
    }

    private static TimeSpan InRange(TimeSpan value, string name) => value >= TimeSpan.FromSeconds(1) && value <= TimeSpan.FromSeconds(Tls13NewSessionTicket.MaxLifetimeSeconds)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, "From one second to seven days (RFC 8446 section 4.6.1).");

    private sealed record Key(byte[] Name, Sm4Gcm Cipher, DateTimeOffset MadeAt);

    /// <summary>Chains by the hash of their certificates; the least recently used goes.</summary>
    private sealed class RecentChains(int capacity)
    {
        private readonly Dictionary<(UInt128, UInt128), LinkedListNode<((UInt128, UInt128) Hash, byte[][] Chain)>> _byHash = [];
        private readonly LinkedList<((UInt128, UInt128) Hash, byte[][] Chain)> _byUse = new();

        public void Add(ReadOnlySpan<byte> hash, byte[][] chain)
        {
            if (Get(hash) is not null)
            {
                return;
            }
            if (_byHash.Count == capacity)
            {
                _byHash.Remove(_byUse.Last!.Value.Hash);
                _byUse.RemoveLast();
            }
            _byHash[KeyOf(hash)] = _byUse.AddFirst((KeyOf(hash), chain));
        }

        public byte[][]? Get(ReadOnlySpan<byte> hash)
        {
            if (!_byHash.TryGetValue(KeyOf(hash), out LinkedListNode<((UInt128, UInt128) Hash, byte[][] Chain)>? node))
            {
                return null;
            }
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value.Chain;
        }

        public void Clear()
        {
            _byHash.Clear();
            _byUse.Clear();
        }

        private static (UInt128, UInt128) KeyOf(ReadOnlySpan<byte> hash) => (BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
    }
}
