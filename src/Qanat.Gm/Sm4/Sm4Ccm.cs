using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM4 in Counter with CBC-MAC mode (NIST SP 800-38C, RFC 3610; TLS_SM4_CCM_SM3 of RFC 8998). Shaped like <see cref="AesCcm"/>. The CBC-MAC takes block after block,
/// so GCM is many times faster.
/// </summary>
/// <remarks>
/// Time does not depend on keys or data, and no call allocates. Input and output must be the same memory or not overlap. Calls from several threads are safe as long
/// as none disposes of the key meanwhile.
/// </remarks>
public sealed unsafe class Sm4Ccm : IDisposable
{
    private const int BlockSize = Sm4Kernel.BlockSize;

    private readonly KeyMemory _schedule = new();
    private readonly Sm4Kernel _kernel;

    /// <summary>Expands a key. The bytes given are copied.</summary>
    /// <param name="key">16 bytes.</param>
    /// <exception cref="CryptographicException">The key does not have 16 bytes.</exception>
    public Sm4Ccm(ReadOnlySpan<byte> key) : this(key, Sm4Kernels.Best)
    {
    }

    internal Sm4Ccm(ReadOnlySpan<byte> key, Sm4Kernel kernel)
    {
        Sm4.CheckKey(key);
        _kernel = kernel;
        fixed (byte* schedule = &_schedule.Start)
            Sm4KeySchedule.Expand(key, (uint*)schedule, both: false);
    }

    /// <summary>Nonce sizes: 7 to 13 bytes. A nonce of n bytes leaves 15 - n for the length of the message.</summary>
    public static KeySizes NonceByteSizes { get; } = new(7, 13, 1);

    /// <summary>Tag sizes: 4, 6, ... 16 bytes.</summary>
    public static KeySizes TagByteSizes { get; } = new(4, 16, 2);

    /// <summary>Encrypts and authenticates a message.</summary>
    /// <param name="nonce">7 to 13 bytes, never used before with this key.</param>
    /// <param name="plaintext">Below 2^(8 (15 - n)) bytes for a nonce of n bytes: 65,535 for 13.</param>
    /// <param name="ciphertext">As long as the plaintext; the same memory, or disjoint.</param>
    /// <param name="tag">4, 6, ... 16 bytes; not inside the plaintext or ciphertext.</param>
    /// <param name="associatedData">Authenticated, not encrypted.</param>
    /// <exception cref="ArgumentException">A length is wrong, or memory overlaps partly.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed of.</exception>
    public void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> associatedData = default)
    {
        CheckParameters(nonce, plaintext.Length, tag);
        SpanRules.CheckSameLength(plaintext, ciphertext, nameof(plaintext), nameof(ciphertext));
        byte* whole = stackalloc byte[BlockSize];
        fixed (byte* schedule = &_schedule.Start)
        {
            Authenticate((uint*)schedule, nonce, plaintext, tag.Length, associatedData, whole);
            Transform((uint*)schedule, nonce, plaintext, ciphertext, whole);
        }
        new ReadOnlySpan<byte>(whole, tag.Length).CopyTo(tag);
    }

    /// <summary>Decrypts and checks a message.</summary>
    /// <param name="nonce">The nonce it was encrypted with.</param>
    /// <param name="ciphertext">The ciphertext.</param>
    /// <param name="tag">4, 6, ... 16 bytes.</param>
    /// <param name="plaintext">As long as the ciphertext; the same memory, or disjoint. Zeroed when the tag is wrong.</param>
    /// <param name="associatedData">What was authenticated besides.</param>
    /// <exception cref="AuthenticationTagMismatchException">Nonce, ciphertext, tag, associated data or key do not belong together.</exception>
    /// <exception cref="ArgumentException">A length is wrong, or memory overlaps partly.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed of.</exception>
    public void Decrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, ReadOnlySpan<byte> associatedData = default)
    {
        CheckParameters(nonce, ciphertext.Length, tag);
        SpanRules.CheckSameLength(ciphertext, plaintext, nameof(ciphertext), nameof(plaintext));
        byte* mask = stackalloc byte[BlockSize];
        byte* whole = stackalloc byte[BlockSize];
        Vector128<byte>.Zero.Store(mask);
        fixed (byte* schedule = &_schedule.Start)
        {
            Transform((uint*)schedule, nonce, ciphertext, plaintext, mask);
            Authenticate((uint*)schedule, nonce, plaintext, tag.Length, associatedData, whole);
        }
        (Vector128.Load(whole) ^ Vector128.Load(mask)).Store(whole);
        CryptographicOperations.ZeroMemory(new Span<byte>(mask, BlockSize));
        if (CryptographicOperations.FixedTimeEquals(tag, new ReadOnlySpan<byte>(whole, tag.Length)))
            return;
        CryptographicOperations.ZeroMemory(plaintext);
        CryptographicOperations.ZeroMemory(new Span<byte>(whole, BlockSize));
        throw new AuthenticationTagMismatchException();
    }

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => _schedule.Dispose();

    /// <summary>The CBC-MAC over the formatted blocks of SP 800-38C appendix A.2.</summary>
    [SkipLocalsInit]
    private void Authenticate(uint* schedule, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, int tagSize, ReadOnlySpan<byte> associatedData, byte* mac)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        int lengthBytes = 15 - nonce.Length;
        block[0] = (byte)((associatedData.IsEmpty ? 0 : 0x40) | ((tagSize - 2) / 2 << 3) | (lengthBytes - 1));
        nonce.CopyTo(block[1..]);
        for (int i = 0; i < lengthBytes; i++)
        {
            block[15 - i] = i < sizeof(int) ? (byte)(plaintext.Length >> (8 * i)) : (byte)0;
        }
        Vector128<byte>.Zero.Store(mac);
        Chain(schedule, mac, block);
        if (!associatedData.IsEmpty)
            AuthenticateAssociated(schedule, mac, associatedData, block);
        int whole = plaintext.Length & ~(BlockSize - 1);
        Chain(schedule, mac, plaintext[..whole]);
        ChainPadded(schedule, mac, plaintext[whole..], block);
        CryptographicOperations.ZeroMemory(block);
    }

    private void AuthenticateAssociated(uint* schedule, byte* mac, ReadOnlySpan<byte> associatedData, Span<byte> block)
    {
        int used = 2;
        block.Clear();
        if (associatedData.Length < 0xFF00)
        {
            BinaryPrimitives.WriteUInt16BigEndian(block, (ushort)associatedData.Length);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(block, 0xFFFE);
            BinaryPrimitives.WriteInt32BigEndian(block[2..], associatedData.Length);
            used = 6;
        }
        int head = Math.Min(associatedData.Length, BlockSize - used);
        associatedData[..head].CopyTo(block[used..]);
        Chain(schedule, mac, block);
        associatedData = associatedData[head..];
        int whole = associatedData.Length & ~(BlockSize - 1);
        Chain(schedule, mac, associatedData[..whole]);
        ChainPadded(schedule, mac, associatedData[whole..], block);
    }

    /// <summary>CTR from counter 1 over the message, and tag ^= the key stream of counter 0.</summary>
    private void Transform(uint* schedule, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> destination, byte* tag)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        uint* counter = stackalloc uint[4];
        block.Clear();
        block[0] = (byte)(14 - nonce.Length);
        nonce.CopyTo(block[1..]);
        for (int word = 0; word < 4; word++)
        {
            counter[word] = BinaryPrimitives.ReadUInt32BigEndian(block[(word * 4)..]);
        }
        _kernel.Ctr(schedule, counter, tag, tag, 1);
        int whole = source.Length & ~(BlockSize - 1);
        fixed (byte* from = source, to = destination)
            _kernel.Ctr(schedule, counter, from, to, (nuint)whole / BlockSize);
        if (whole == source.Length)
            return;
        block.Clear();
        source[whole..].CopyTo(block);
        fixed (byte* last = block)
            _kernel.Ctr(schedule, counter, last, last, 1);
        block[..(source.Length - whole)].CopyTo(destination[whole..]);
        CryptographicOperations.ZeroMemory(block);
    }

    private void Chain(uint* schedule, byte* mac, ReadOnlySpan<byte> blocks)
    {
        fixed (byte* from = blocks)
            _kernel.CbcEncrypt(schedule, mac, from, null, (nuint)blocks.Length / BlockSize);
    }

    private void ChainPadded(uint* schedule, byte* mac, ReadOnlySpan<byte> rest, Span<byte> block)
    {
        if (rest.IsEmpty)
            return;
        block.Clear();
        rest.CopyTo(block);
        Chain(schedule, mac, block);
    }

    private static void CheckParameters(ReadOnlySpan<byte> nonce, int length, ReadOnlySpan<byte> tag)
    {
        if (nonce.Length is < 7 or > 13)
            throw new ArgumentException($"The nonce must have 7 to 13 bytes, not {nonce.Length}.", nameof(nonce));
        if (tag.Length is < 4 or > 16 || tag.Length % 2 != 0)
            throw new ArgumentException($"The tag must have 4, 6, ... 16 bytes, not {tag.Length}.", nameof(tag));
        if (nonce.Length > 11 && length >= 1L << (8 * (15 - nonce.Length)))
            throw new ArgumentException($"With a nonce of {nonce.Length} bytes a message must be shorter than {1L << (8 * (15 - nonce.Length))} bytes, not {length}.", nameof(nonce));
    }
}
