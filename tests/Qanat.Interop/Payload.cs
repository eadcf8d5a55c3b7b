using System.Security.Cryptography;
using System.Text;

namespace Qanat.Interop;

/// <summary>
/// 64 KiB that differ in every connection: lines of hexadecimal digits, since the peers' programs read lines from their input, and take some letters as commands. The last line
/// is the SHA-256 of those before.
/// </summary>
internal static class Payload
{
    private const int LineLength = 64;

    /// <summary>How long one is, in bytes.</summary>
    public const int Length = 64 * 1024;

    /// <summary>Makes one.</summary>
    public static byte[] Create()
    {
        StringBuilder text = new(Length);
        while (text.Length < Length - (2 * LineLength))
        {
            text.Append(RandomNumberGenerator.GetHexString(LineLength - 1, lowercase: true)).Append('\n');
        }
        text.Append(RandomNumberGenerator.GetHexString(LineLength - 2, lowercase: true)).Append('\n');
        return Encoding.ASCII.GetBytes(text.ToString() + Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text.ToString()))) + "\n");
    }

    /// <summary>True when a payload arrived whole and unchanged, by its own last line.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> payload) => payload.Length == Length
        && payload[^(LineLength + 1)..^1].SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(payload[..^(LineLength + 1)]))));
}
