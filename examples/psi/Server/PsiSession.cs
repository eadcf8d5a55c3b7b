using System.Security.Cryptography;
using Psi.Crypto;
using Psi.Data;
using Psi.Protocol;

namespace Psi.Server;

/// <summary>
/// The server's side of one run: its secret exponent, its key of sums, both random orders. Methods may run at the same time for different batches,
/// and every one may be repeated by a client that did not hear the answer.
/// </summary>
internal sealed class PsiSession : IDisposable
{
    private readonly Records _records;
    private readonly byte[] _points;
    private readonly SecretScalar _exponent = new();
    private readonly SumCipher _cipher = new();
    private readonly Batches _clientBatches;
    private readonly Batches _ownBatches;
    private readonly int[] _ownOrder;
    private readonly Lazy<byte[]>[] _items;
    private readonly byte[] _evaluated;
    private readonly string?[] _received;
    private readonly Lazy<int[]> _evaluatedOrder;
    private readonly Lock _gate = new();
    private int _users = 1;
    private int _missing;
    private byte[]? _sumQuestion;
    private byte[]? _sumAnswer;

    /// <param name="records">The server's table.</param>
    /// <param name="points">The hashed ids of <paramref name="records"/>, 32 bytes each.</param>
    /// <param name="clientIds">How many ids the client will send.</param>
    /// <param name="batch">Ids in a request.</param>
    internal PsiSession(Records records, byte[] points, int clientIds, int batch)
    {
        _records = records;
        _points = points;
        _clientBatches = new Batches(clientIds, batch);
        _ownBatches = new Batches(records.Count, batch);
        _ownOrder = RandomOrder(records.Count);
        _items = [.. Enumerable.Range(0, _ownBatches.Count).Select(b => new Lazy<byte[]>(() => MakeItems(b)))];
        _evaluated = new byte[(long)clientIds * Ristretto.PointBytes];
        _evaluatedOrder = new Lazy<int[]>(() => RandomOrder(clientIds));
        _received = new string?[_clientBatches.Count];
        _missing = _clientBatches.Count;
    }

    internal string Id { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    internal long LastUsed { get; set; }

    internal byte[] PublicKey => _cipher.PublicKey;

    /// <summary>Length of a request body of blinded points; refuses a batch that does not exist.</summary>
    internal int BlindedBytes(int batch) =>
        batch >= 0 && batch < _clientBatches.Count
            ? _clientBatches.Length(batch) * Ristretto.PointBytes
            : throw ProtocolFault.NotFound($"There is no batch {batch}.");

    /// <summary>Raises the client's blinded points to the server's exponent and keeps them.</summary>
    internal void Receive(int batch, ReadOnlySpan<byte> blinded, string digest)
    {
        int start = _clientBatches.Start(batch) * Ristretto.PointBytes;
        lock (_gate)
        {
            if (_received[batch] is string earlier)
            {
                if (earlier != digest)
                {
                    throw ProtocolFault.Conflict($"Batch {batch} came before with other content.");
                }
                return;
            }
        }
        byte[] raised = new byte[blinded.Length];
        for (int at = 0; at < blinded.Length; at += Ristretto.PointBytes)
        {
            if (!Ristretto.TryMultiply(_exponent.Bytes, blinded.Slice(at, Ristretto.PointBytes), raised.AsSpan(at, Ristretto.PointBytes)))
            {
                throw ProtocolFault.Malformed($"Point {at / Ristretto.PointBytes} of batch {batch} is no element of the group.");
            }
        }
        lock (_gate)
        {
            if (_received[batch] is null)
            {
                raised.CopyTo(_evaluated, start);
                _received[batch] = digest;
                _missing--;
            }
        }
    }

    /// <summary>A part of all the client's points, twice raised, in an order of the server's own: the client cannot tell which of its ids is which.</summary>
    internal byte[] Evaluated(int batch)
    {
        RequireAllReceived();
        int[] order = _evaluatedOrder.Value;
        byte[] part = new byte[BlindedBytes(batch)];
        int start = _clientBatches.Start(batch);
        for (int i = 0; i < part.Length / Ristretto.PointBytes; i++)
        {
            _evaluated.AsSpan(order[start + i] * Ristretto.PointBytes, Ristretto.PointBytes).CopyTo(part.AsSpan(i * Ristretto.PointBytes));
        }
        return part;
    }

    /// <summary>A part of the server's table in random order: the hashed id raised to the server's exponent, and the number encrypted.</summary>
    internal byte[] Items(int batch) =>
        batch >= 0 && batch < _ownBatches.Count ? _items[batch].Value : throw ProtocolFault.NotFound($"There is no batch {batch}.");

    /// <summary>Decrypts the client's masked sum; once, so that the run cannot be used to decrypt anything else.</summary>
    internal byte[] Sum(byte[] masked)
    {
        RequireAllReceived();
        lock (_gate)
        {
            if (_sumQuestion is not null)
            {
                return _sumQuestion.AsSpan().SequenceEqual(masked)
                    ? _sumAnswer!
                    : throw ProtocolFault.Conflict("The sum of this run was asked for before.");
            }
            byte[] answer = new byte[Ristretto.PointBytes];
            if (!_cipher.TryDecrypt(masked, answer))
            {
                throw ProtocolFault.Malformed("The masked sum is no ciphertext.");
            }
            _sumQuestion = masked;
            return _sumAnswer = answer;
        }
    }

    /// <summary>Takes part in the use of the keys; false once they are gone. Each success is followed by one <see cref="Dispose"/>.</summary>
    internal bool TryUse()
    {
        int users = Volatile.Read(ref _users);
        while (users > 0)
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
            {
                return true;
            }
            users = seen;
        }
        return false;
    }

    /// <summary>Ends one use. The last one clears the keys, so that no request ever works with cleared ones.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _exponent.Dispose();
            _cipher.Dispose();
        }
    }

    private byte[] MakeItems(int batch)
    {
        const int ItemBytes = Ristretto.PointBytes + SumCipher.CiphertextBytes;
        int start = _ownBatches.Start(batch);
        byte[] part = new byte[_ownBatches.Length(batch) * ItemBytes];
        for (int i = 0; i < part.Length / ItemBytes; i++)
        {
            int record = _ownOrder[start + i];
            Span<byte> item = part.AsSpan(i * ItemBytes, ItemBytes);
            _ = Ristretto.TryMultiply(_exponent.Bytes, _points.AsSpan(record * Ristretto.PointBytes, Ristretto.PointBytes), item[..Ristretto.PointBytes]);
            _cipher.Encrypt(_records.Values[record], item[Ristretto.PointBytes..]);
        }
        return part;
    }

    private void RequireAllReceived()
    {
        lock (_gate)
        {
            if (_missing > 0)
            {
                throw ProtocolFault.Conflict($"{_missing} batches of blinded points are still missing.");
            }
        }
    }

    private static int[] RandomOrder(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        RandomNumberGenerator.Shuffle<int>(order);
        return order;
    }
}
