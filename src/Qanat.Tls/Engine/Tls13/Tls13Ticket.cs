using System.Security.Cryptography;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>A ticket as a client keeps it. Dispose zeroes the pre-shared key.</summary>
internal sealed class Tls13Ticket : IDisposable
{
    /// <summary>Longer tickets are not kept: they would make every hello long.</summary>
    public const int MaxIdentityLength = 4096;

    /// <summary>What the server is shown.</summary>
    public required byte[] Identity { get; init; }

    /// <summary>The pre-shared key, 32 bytes.</summary>
    public required byte[] Psk { get; init; }

    /// <summary>Hides the age on the wire.</summary>
    public required uint AgeAdd { get; init; }

    /// <summary>When it came.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>From when on it is not shown any more.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The certificates that the server had shown.</summary>
    public required byte[][] ServerChain { get; init; }

    /// <summary>The age as the wire has it (RFC 8446 section 4.2.11.1).</summary>
    public uint ObfuscatedAge(DateTimeOffset now) => unchecked((uint)(long)(now - ReceivedAt).TotalMilliseconds + AgeAdd);

    public void Dispose() => CryptographicOperations.ZeroMemory(Psk);
}
