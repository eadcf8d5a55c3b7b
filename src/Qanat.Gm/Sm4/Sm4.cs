using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// The block cipher SM4 (GB/T 32907-2016, ISO/IEC 18033-3) with a 128-bit key: ECB, CBC and CTR. For authenticated encryption use <see cref="Sm4Gcm"/> or
/// <see cref="Sm4Ccm"/>.
/// </summary>
/// <remarks>
/// Time does not depend on keys or data: there are no tables indexed by secrets. No call allocates. Source and destination must be the same memory or not overlap.
/// Calls from several threads are safe as long as none disposes of the key meanwhile; <see cref="Dispose"/> zeroes it.
/// </remarks>
public sealed unsafe partial class Sm4 : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySizeInBytes = Sm4KeySchedule.KeySizeInBytes;

    /// <summary>Bytes of a block.</summary>
    public const int BlockSizeInBytes = Sm4Kernel.BlockSize;

    private readonly KeyMemory _schedules = new();
    private readonly Sm4Kernel _kernel;

    /// <summary>Expands a key. The bytes given are copied.</summary>
    /// <param name="key">16 bytes.</param>
    /// <exception cref="CryptographicException">The key does not have 16 bytes.</exception>
    public Sm4(ReadOnlySpan<byte> key) : this(key, Sm4Kernels.Best)
    {
    }

    internal Sm4(ReadOnlySpan<byte> key, Sm4Kernel kernel)
    {
        CheckKey(key);
        _kernel = kernel;
        fixed (byte* schedules = &_schedules.Start)
            Sm4KeySchedule.Expand(key, (uint*)schedules, both: true);
    }

    /// <summary>The code path in use, chosen at start from what the processor (and the runtime's <c>DOTNET_Enable...</c> switches) allow.</summary>
    public static Sm4Implementation Implementation => Sm4Kernels.Best.Implementation;

    /// <summary>Encrypts whole blocks, each on its own. Equal blocks give equal ciphertext: a building block, not a way to encrypt messages.</summary>
    /// <param name="source">A multiple of 16 bytes.</param>
    /// <param name="destination">At least as long; the same memory as the source, or disjoint.</param>
    /// <exception cref="CryptographicException">The source is not a multiple of 16 bytes.</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public void EncryptEcb(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        CheckBlocks(source, destination);
        fixed (byte* schedule = &_schedules.Start, from = source, to = destination)
            _kernel.Ecb((uint*)schedule, from, to, (nuint)source.Length / BlockSizeInBytes);
    }

    /// <summary>Decrypts what <see cref="EncryptEcb"/> made.</summary>
    /// <inheritdoc cref="EncryptEcb"/>
    public void DecryptEcb(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        CheckBlocks(source, destination);
        fixed (byte* schedule = &_schedules.Start, from = source, to = destination)
            _kernel.Ecb((uint*)schedule + Sm4KeySchedule.Rounds, from, to, (nuint)source.Length / BlockSizeInBytes);
    }

    /// <summary>
    /// CBC encryption without padding (GB/T 17964, NIST SP 800-38A section 6.2). To go on in pieces, give the last 16 bytes of ciphertext as the next
    /// initialization vector.
    /// </summary>
    /// <param name="source">A multiple of 16 bytes.</param>
    /// <param name="initializationVector">16 bytes; unpredictable for each message.</param>
    /// <param name="destination">At least as long as the source; the same memory, or disjoint.</param>
    /// <exception cref="CryptographicException">The source is not a multiple of 16 bytes, or the vector does not have 16.</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public void EncryptCbc(ReadOnlySpan<byte> source, ReadOnlySpan<byte> initializationVector, Span<byte> destination)
    {
        CheckBlocks(source, destination);
        byte* chain = stackalloc byte[BlockSizeInBytes];
        CopyBlock(initializationVector, chain);
        fixed (byte* schedule = &_schedules.Start, from = source, to = destination)
            _kernel.CbcEncrypt((uint*)schedule, chain, from, to, (nuint)source.Length / BlockSizeInBytes);
    }

    /// <summary>
    /// CBC decryption without padding. To go on in pieces, give the last 16 bytes of ciphertext as the next initialization vector. Authenticate the ciphertext
    /// before its plaintext is looked at.
    /// </summary>
    /// <inheritdoc cref="EncryptCbc(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Span{byte})"/>
    public void DecryptCbc(ReadOnlySpan<byte> source, ReadOnlySpan<byte> initializationVector, Span<byte> destination)
    {
        CheckBlocks(source, destination);
        byte* chain = stackalloc byte[BlockSizeInBytes];
        CopyBlock(initializationVector, chain);
        fixed (byte* schedule = &_schedules.Start, from = source, to = destination)
            _kernel.CbcDecrypt((uint*)schedule + Sm4KeySchedule.Rounds, chain, from, to, (nuint)source.Length / BlockSizeInBytes);
    }

    /// <summary>
    /// CTR mode (NIST SP 800-38A section 6.5) of any length, its own inverse. The whole block counts, big-endian. To go on in pieces of whole blocks, use
    /// <see cref="Sm4Ctr"/>.
    /// </summary>
    /// <param name="source">Any length.</param>
    /// <param name="counter">16 bytes: the first counter block. A key must never see a counter block twice.</param>
    /// <param name="destination">At least as long as the source; the same memory, or disjoint.</param>
    /// <exception cref="CryptographicException">The counter does not have 16 bytes.</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    [SkipLocalsInit]
    public void TransformCtr(ReadOnlySpan<byte> source, ReadOnlySpan<byte> counter, Span<byte> destination)
    {
        SpanRules.CheckOutput(source, destination);
        if (counter.Length != BlockSizeInBytes)
            throw new CryptographicException($"The counter block must have 16 bytes, not {counter.Length}.");
        UInt128 next = BinaryPrimitives.ReadUInt128BigEndian(counter);
        int whole = source.Length & ~(BlockSizeInBytes - 1);
        CtrBlocks(source[..whole], ref next, destination);
        if (whole == source.Length)
            return;
        Span<byte> last = stackalloc byte[BlockSizeInBytes];
        last.Clear();
        source[whole..].CopyTo(last);
        CtrBlocks(last, ref next, last);
        last[..(source.Length - whole)].CopyTo(destination[whole..]);
        CryptographicOperations.ZeroMemory(last);
    }

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => _schedules.Dispose();

    /// <summary>Whole blocks; the kernels count in the last word only, so a run ends where that wraps.</summary>
    internal void CtrBlocks(ReadOnlySpan<byte> source, ref UInt128 counter, Span<byte> destination)
    {
        uint* words = stackalloc uint[4];
        nuint blocks = (nuint)source.Length / BlockSizeInBytes;
        fixed (byte* schedule = &_schedules.Start, from = source, to = destination)
        {
            byte* input = from, output = to;
            while (blocks > 0)
            {
                words[0] = (uint)(counter >> 96);
                words[1] = (uint)(counter >> 64);
                words[2] = (uint)(counter >> 32);
                words[3] = (uint)counter;
                nuint run = (nuint)ulong.Min(blocks, (1UL << 32) - words[3]);
                _kernel.Ctr((uint*)schedule, words, input, output, run);
                counter += run;
                input += run * BlockSizeInBytes;
                output += run * BlockSizeInBytes;
                blocks -= run;
            }
        }
    }

    /// <summary>The schedule for encryption, for those who build on several keys at once.</summary>
    internal ref byte EncryptionSchedule => ref _schedules.Start;

    internal Sm4Kernel Kernel => _kernel;

    internal static void CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeySizeInBytes)
            throw new CryptographicException($"An SM4 key must have 16 bytes, not {key.Length}.");
    }

    private static void CheckBlocks(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (source.Length % BlockSizeInBytes != 0)
            throw new CryptographicException($"The source must be a multiple of 16 bytes, not {source.Length}; pad it, or use CTR or GCM.");
        SpanRules.CheckOutput(source, destination);
    }

    private static void CopyBlock(ReadOnlySpan<byte> initializationVector, byte* block)
    {
        if (initializationVector.Length != BlockSizeInBytes)
            throw new CryptographicException($"The initialization vector must have 16 bytes, not {initializationVector.Length}.");
        initializationVector.CopyTo(new Span<byte>(block, BlockSizeInBytes));
    }
}
