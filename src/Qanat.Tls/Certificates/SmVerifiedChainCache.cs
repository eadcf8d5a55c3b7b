using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Tls.Certificates;

/// <summary>
/// Chains that were found good, so that a peer that comes again costs one hash instead of three SM2 verifications and the parsing.
/// An entry is found only under the same bytes, trust store, options, role and form, and only while all its certificates and revocation lists are in force.
/// Bounded: the least recently used entry goes. Thread-safe. Only good chains are kept, so a stranger cannot push them out.
/// </summary>
public sealed class SmVerifiedChainCache
{
    private const int KeyBytes = SHA256.HashSizeInBytes;
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, LinkedListNode<(Key Key, SmChainResult Result)>> _entries = [];
    private readonly LinkedList<(Key Key, SmChainResult Result)> _byUse = new();

    /// <summary>Makes an empty cache.</summary>
    /// <param name="capacity">Most chains held; each takes about 10 KiB with its parsed certificates.</param>
    public SmVerifiedChainCache(int capacity = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = capacity;
    }

    /// <summary>Most chains held.</summary>
    public int Capacity { get; }

    /// <summary>How many chains are held now.</summary>
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

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _entries.Clear();
            _byUse.Clear();
        }
    }

    internal bool TryGet(in Key key, DateTimeOffset now, out SmChainResult result)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out LinkedListNode<(Key Key, SmChainResult Result)>? node))
            {
                if (now >= node.Value.Result.ValidFrom && now <= node.Value.Result.ValidUntil)
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    result = node.Value.Result;
                    return true;
                }
                Remove(node);
            }
        }
        result = null!;
        return false;
    }

    internal void Add(in Key key, SmChainResult good)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out LinkedListNode<(Key Key, SmChainResult Result)>? old))
            {
                Remove(old);
            }
            _entries[key] = _byUse.AddFirst((key, good));
            if (_entries.Count > Capacity)
            {
                Remove(_byUse.Last!);
            }
        }
    }

    private void Remove(LinkedListNode<(Key Key, SmChainResult Result)> node)
    {
        _byUse.Remove(node);
        _entries.Remove(node.Value.Key);
    }

    /// <summary>SHA-256 over everything that decides whether a chain is good, but the time.</summary>
    internal readonly record struct Key(UInt128 High, UInt128 Low)
    {
        private const int HeaderBytes = 64;

        public static Key Of(SmTrustStore trust, SmChainOptions options, SmChainRequest request, IReadOnlyList<ReadOnlyMemory<byte>> certificates)
        {
            int total = HeaderBytes + certificates.Sum(c => sizeof(int) + c.Length);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(total);
            Span<byte> at = buffer;
            trust.Id.CopyTo(at);
            at[32] = (byte)request.Role;
            at[33] = (byte)request.Form;
            at[34] = (byte)options.Revocation;
            at[35] = 0;
            BinaryPrimitives.WriteInt32BigEndian(at[36..], options.MaxAuthorities);
            BinaryPrimitives.WriteInt32BigEndian(at[40..], options.MaxSignatures);
            BinaryPrimitives.WriteInt32BigEndian(at[44..], options.MaxCertificates);
            BinaryPrimitives.WriteInt32BigEndian(at[48..], options.MaxChainBytes);
            BinaryPrimitives.WriteInt64BigEndian(at[52..], options.ClockSkew.Ticks);
            BinaryPrimitives.WriteInt32BigEndian(at[60..], certificates.Count);
            at = at[HeaderBytes..];
            for (int i = 0; i < certificates.Count; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(at, certificates[i].Length);
                certificates[i].Span.CopyTo(at[sizeof(int)..]);
                at = at[(sizeof(int) + certificates[i].Length)..];
            }
            Span<byte> hash = stackalloc byte[KeyBytes];
            SHA256.HashData(buffer.AsSpan(0, total), hash);
            ArrayPool<byte>.Shared.Return(buffer);
            return new Key(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
        }
    }
}
