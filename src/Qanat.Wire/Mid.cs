using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Qanat.Wire;

/// <summary>
/// Member id (mid): the first 16 bytes of SHA-256 over a key's DER SubjectPublicKeyInfo (SM3 for SM2 keys).
/// Self-certifying: whoever proves possession of the key owns the mid.
/// Text form: 26 lower-case base32 characters (RFC 4648 alphabet) in groups of 5-5-5-5-6.
/// Immutable and safe to share between threads.
/// </summary>
public readonly struct Mid : IEquatable<Mid>, IComparable<Mid>, ISpanFormattable, ISpanParsable<Mid>
{
    /// <summary>Length of a mid on the wire, in bytes.</summary>
    public const int Length = 16;

    private const int TextLength = 30;
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    private readonly ulong _high;
    private readonly ulong _low;

    private Mid(ulong high, ulong low) => (_high, _low) = (high, low);

    /// <summary>The all-zero mid: "nobody". Never a valid source.</summary>
    public static Mid None => default;

    /// <summary>True for <see cref="None"/>.</summary>
    public bool IsNone => (_high | _low) == 0;

    /// <summary>Reads a mid from the first 16 bytes of <paramref name="source"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 16 bytes.</exception>
    public static Mid Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    /// <summary>The mid of a public key, given its DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).</summary>
    public static Mid FromSubjectPublicKeyInfo(ReadOnlySpan<byte> subjectPublicKeyInfo)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(subjectPublicKeyInfo, hash);
        return Read(hash);
    }

    /// <summary>Writes the 16 bytes of this mid.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>The 16 bytes of this mid in a new array.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        Write(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public bool Equals(Mid other) => _high == other._high && _low == other._low;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Mid other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low);

    /// <summary>Orders mids as unsigned big-endian numbers.</summary>
    public int CompareTo(Mid other) => _high != other._high ? _high.CompareTo(other._high) : _low.CompareTo(other._low);

    /// <summary>Equality by value.</summary>
    public static bool operator ==(Mid left, Mid right) => left.Equals(right);

    /// <summary>Inequality by value.</summary>
    public static bool operator !=(Mid left, Mid right) => !left.Equals(right);

    /// <summary>Order by value.</summary>
    public static bool operator <(Mid left, Mid right) => left.CompareTo(right) < 0;

    /// <summary>Order by value.</summary>
    public static bool operator >(Mid left, Mid right) => left.CompareTo(right) > 0;

    /// <summary>Order by value.</summary>
    public static bool operator <=(Mid left, Mid right) => left.CompareTo(right) <= 0;

    /// <summary>Order by value.</summary>
    public static bool operator >=(Mid left, Mid right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(TextLength, this, static (text, mid) => mid.TryFormat(text, out _, default, null));

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        charsWritten = 0;
        if (destination.Length < TextLength)
        {
            return false;
        }
        UInt128 value = new(_high, _low);
        for (int digit = 0; digit < 26; digit++)
        {
            if (digit is 5 or 10 or 15 or 20)
            {
                destination[charsWritten++] = '-';
            }
            // 26 digits carry 130 bits; the last one is padded with two zero bits (RFC 4648 section 6).
            int shift = 123 - (5 * digit);
            int index = (int)(shift >= 0 ? value >> shift : value << -shift) & 31;
            destination[charsWritten++] = Alphabet[index];
        }
        return true;
    }

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static Mid Parse(string text) => Parse(text.AsSpan(), null);

    /// <inheritdoc/>
    public static Mid Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <summary>Parses the text form; case and hyphens do not matter.</summary>
    /// <exception cref="FormatException">Not 26 base32 characters, or the padding bits are not zero.</exception>
    public static Mid Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        TryParse(s, out Mid mid) ? mid : throw new FormatException("A mid is 26 base32 characters (a-z, 2-7), hyphens allowed, such as 'aaaaa-bbbbb-ccccc-ddddd-eeeeee'.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Mid result) => TryParse(s.AsSpan(), out result);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Mid result) => TryParse(s, out result);

    /// <summary>Parses the text form; case and hyphens do not matter. False when malformed.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Mid mid)
    {
        mid = default;
        UInt128 value = 0;
        int digits = 0;
        foreach (char c in text)
        {
            if (c == '-')
            {
                continue;
            }
            int digit = c switch
            {
                >= 'a' and <= 'z' => c - 'a',
                >= 'A' and <= 'Z' => c - 'A',
                >= '2' and <= '7' => c - '2' + 26,
                _ => -1,
            };
            if (digit < 0 || digits == 26)
            {
                return false;
            }
            if (digits == 25)
            {
                if ((digit & 3) != 0)
                {
                    return false;
                }
                value = (value << 3) | (uint)(digit >> 2);
            }
            else
            {
                value = (value << 5) | (uint)digit;
            }
            digits++;
        }
        mid = new Mid((ulong)(value >> 64), (ulong)value);
        return digits == 26;
    }
}
