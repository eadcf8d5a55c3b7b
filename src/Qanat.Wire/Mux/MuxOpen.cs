using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Qanat.Wire.Mux;

/// <summary>Payload of the mux OPEN frame: name length (u8, 1 to 63), service name (strict UTF-8), then the first data bytes.</summary>
public static class MuxOpen
{
    /// <summary>Longest service name in UTF-8 bytes.</summary>
    public const int MaxNameLength = 63;

    /// <summary>The name in UTF-8 when it can be sent: 1 to 63 bytes, no lone surrogate.</summary>
    public static bool TryEncodeName(string service, [NotNullWhen(true)] out byte[]? name)
    {
        name = null;
        Span<byte> utf8 = stackalloc byte[MaxNameLength];
        if (Utf8.FromUtf16(service, utf8, out _, out int length, replaceInvalidSequences: false) != OperationStatus.Done || length == 0)
        {
            return false;
        }
        name = utf8[..length].ToArray();
        return true;
    }

    /// <summary>Splits the payload; false when the length is 0, over 63 or beyond the payload, or the name is not valid UTF-8.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> firstBytes)
    {
        name = default;
        firstBytes = default;
        if (payload.IsEmpty || payload[0] is 0 or > MaxNameLength || payload.Length < 1 + payload[0])
        {
            return false;
        }
        name = payload.Slice(1, payload[0]);
        firstBytes = payload[(1 + name.Length)..];
        return Utf8.IsValid(name);
    }

    /// <summary>The name as text; call only with a name from <see cref="TryRead"/>.</summary>
    public static string DecodeName(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name);
}
