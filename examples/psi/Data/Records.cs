using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Psi.Crypto;

namespace Psi.Data;

/// <summary>A party's private table: distinct ids and one non-negative number each. Immutable.</summary>
internal sealed class Records
{
    /// <summary>Most ids in a table.</summary>
    internal const int MaxIds = 4_000_000;

    /// <summary>Largest number in a table; the sum over an intersection must stay within <see cref="DiscreteLogarithm.Maximum"/>.</summary>
    internal const long MaxValue = int.MaxValue;

    internal Records(string[] ids, long[] values) => (Ids, Values) = (ids, values);

    internal string[] Ids { get; }

    internal long[] Values { get; }

    internal int Count => Ids.Length;

    /// <summary>Reads <c>id,value</c> lines; the first line may be a header (its second field is no number). Spaces around ids are dropped; ids are compared byte by byte.</summary>
    /// <exception cref="InvalidDataException">A line is malformed, an id is doubled, or there are no or too many ids; the message names the line.</exception>
    internal static Records Load(string path)
    {
        List<string> ids = [];
        List<long> values = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }
            int comma = line.LastIndexOf(',');
            string id = comma < 0 ? "" : line[..comma].Trim();
            bool numeric = long.TryParse(line.AsSpan(comma + 1), NumberStyles.Integer, CultureInfo.InvariantCulture, out long value);
            if (number == 1 && id.Length > 0 && !numeric)
            {
                continue;
            }
            string? fault =
                comma < 0 ? "is not 'id,value'"
                : id.Length == 0 || Encoding.UTF8.GetByteCount(id) > HashToGroup.MaxIdBytes ? $"has no id of 1 to {HashToGroup.MaxIdBytes} bytes"
                : !numeric || value is < 0 or > MaxValue ? $"has no whole number from 0 to {MaxValue}"
                : !seen.Add(id) ? $"has the id '{id}' a second time"
                : ids.Count == MaxIds ? $"is beyond {MaxIds} ids"
                : null;
            if (fault is not null)
            {
                throw new InvalidDataException($"{path}, line {number}, {fault}.");
            }
            ids.Add(id);
            values.Add(value);
        }
        return ids.Count > 0 ? new Records([.. ids], [.. values]) : throw new InvalidDataException($"{path} has no ids.");
    }

    /// <summary>
    /// Made-up people, the same on both sides for the same seed: both parties have <paramref name="count"/> ids, the first
    /// <paramref name="overlap"/> of them in common; numbers are 0 to 999 and differ between the parties.
    /// </summary>
    internal static Records Generate(Party party, int count, int overlap, long seed)
    {
        if (count is < 1 or > MaxIds || overlap < 0 || overlap > count)
        {
            throw new InvalidDataException($"Generated data needs 1 to {MaxIds} ids and an overlap of at most that many.");
        }
        string[] ids = new string[count];
        long[] values = new long[count];
        Span<byte> input = stackalloc byte[16];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64LittleEndian(input, seed);
        for (int i = 0; i < count; i++)
        {
            long person = i < overlap || party == Party.A ? i : (long)count + i;
            BinaryPrimitives.WriteInt64LittleEndian(input[8..], person);
            SHA256.HashData(input, hash);
            ids[i] = "person-" + Convert.ToHexStringLower(hash[..10]);
            values[i] = BinaryPrimitives.ReadUInt32LittleEndian(hash[(party == Party.A ? 16 : 20)..]) % 1000;
        }
        return new Records(ids, values);
    }

    /// <summary>
    /// The rule that deals a public table to two parties: by the first byte of SHA-256 of the id, modulo 3. Remainder 0 goes to A only,
    /// 1 to B only, 2 to both; so each has two thirds and they share a third.
    /// </summary>
    internal static bool Holds(Party party, string id)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(id), hash);
        return (hash[0] % 3) switch
        {
            0 => party == Party.A,
            1 => party == Party.B,
            _ => true,
        };
    }
}
