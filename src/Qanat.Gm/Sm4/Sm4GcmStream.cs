using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM4-GCM over a message that comes in pieces of any length: <see cref="Start"/>, <see cref="AppendAssociatedData"/>, <see cref="Transform"/>, then
/// <see cref="GetTag"/> or <see cref="VerifyTag"/>; then the next message. Plaintext of pieces is given out before the tag is checked: do not act on it until
/// <see cref="VerifyTag"/> has returned true.
/// </summary>
/// <remarks>Not thread-safe. The key is borrowed and must outlive this. No call allocates.</remarks>
public sealed unsafe class Sm4GcmStream : IDisposable
{
    private const int BlockSize = Sm4Kernel.BlockSize;

    // The state, pinned: tag mask, GHASH, rest of the key stream, ciphertext (or associated data) of the unfinished block.
    private const int Mask = 0, Hash = BlockSize, Stream = 2 * BlockSize, Part = 3 * BlockSize;
    private readonly byte[] _state = GC.AllocateArray<byte>(4 * BlockSize, pinned: true);
    private readonly uint[] _counter = new uint[4];
    private readonly Sm4Gcm _key;
    private Phase _phase;
    private bool _encrypt;
    private ulong _associatedBytes;
    private ulong _bytes;

    /// <summary>Makes a stream for messages under this key.</summary>
    /// <param name="key">The key; it decides the size of tags.</param>
    public Sm4GcmStream(Sm4Gcm key)
    {
        ArgumentNullException.ThrowIfNull(key);
        _key = key;
    }

    private enum Phase
    {
        Idle,
        AssociatedData,
        Text,
        Disposed,
    }

    /// <summary>Starts a message; one that was not finished is dropped.</summary>
    /// <param name="nonce">12 bytes (or another length from 1); when encrypting, never used before with this key.</param>
    /// <param name="encrypt">Whether <see cref="Transform"/> takes plaintext.</param>
    /// <exception cref="ArgumentException">The nonce is empty.</exception>
    public void Start(ReadOnlySpan<byte> nonce, bool encrypt)
    {
        ObjectDisposedException.ThrowIf(_phase == Phase.Disposed, this);
        if (nonce.IsEmpty)
            throw new ArgumentException("The nonce must not be empty; use 12 bytes.", nameof(nonce));
        Clear();
        fixed (byte* memory = &_key.Core.Memory, state = _state)
        fixed (uint* counter = _counter)
        {
            _key.Core.StartCounter(memory, nonce, counter);
            _key.Core.Kernel.Ctr((uint*)(memory + GhashKernel.TableSizeInBytes), counter, state + Mask, state + Mask, 1);
        }
        _encrypt = encrypt;
        _phase = Phase.AssociatedData;
    }

    /// <summary>Adds data that is authenticated but not encrypted. All of it comes before the text.</summary>
    /// <param name="associatedData">Any length.</param>
    /// <exception cref="InvalidOperationException">No message is started, or its text has begun.</exception>
    public void AppendAssociatedData(ReadOnlySpan<byte> associatedData)
    {
        ObjectDisposedException.ThrowIf(_phase == Phase.Disposed, this);
        if (_phase != Phase.AssociatedData)
            throw new InvalidOperationException(_phase == Phase.Idle ? "Call Start first." : "Associated data comes before the text.");
        int used = (int)(_associatedBytes % BlockSize);
        _associatedBytes += (ulong)associatedData.Length;
        Absorb(associatedData, used);
    }

    /// <summary>Encrypts or decrypts the next bytes.</summary>
    /// <param name="source">Any length.</param>
    /// <param name="destination">At least as long; the same memory, or disjoint.</param>
    /// <exception cref="InvalidOperationException">No message is started.</exception>
    /// <exception cref="CryptographicException">The message would pass 2^36 - 32 bytes (SP 800-38D section 5.2.1.1).</exception>
    /// <exception cref="ArgumentException">The destination is too short or overlaps the source partly.</exception>
    public void Transform(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_phase == Phase.Disposed, this);
        if (_phase == Phase.Idle)
            throw new InvalidOperationException("Call Start first.");
        SpanRules.CheckOutput(source, destination);
        if (GcmCore.MaxPlaintextBytes - _bytes < (ulong)source.Length)
            throw new CryptographicException($"A message under one nonce has at most {GcmCore.MaxPlaintextBytes} bytes.");
        if (_phase == Phase.AssociatedData)
        {
            PadPart((int)(_associatedBytes % BlockSize));
            _phase = Phase.Text;
        }
        int used = (int)(_bytes % BlockSize);
        _bytes += (ulong)source.Length;
        if (used > 0)
        {
            int rest = Math.Min(source.Length, BlockSize - used);
            TransformPart(source[..rest], destination, used);
            source = source[rest..];
            destination = destination[rest..];
        }
        int whole = source.Length & ~(BlockSize - 1);
        TransformBlocks(source[..whole], destination);
        if (whole == source.Length)
            return;
        fixed (byte* memory = &_key.Core.Memory, state = _state)
        fixed (uint* counter = _counter)
        {
            Vector128<byte>.Zero.Store(state + Stream);
            _key.Core.Kernel.Ctr((uint*)(memory + GhashKernel.TableSizeInBytes), counter, state + Stream, state + Stream, 1);
        }
        TransformPart(source[whole..], destination[whole..], 0);
    }

    /// <summary>Ends a message that was encrypted.</summary>
    /// <param name="tag">As many bytes as the key's <see cref="Sm4Gcm.TagSizeInBytes"/>.</param>
    /// <exception cref="InvalidOperationException">No message is started, or it is one to decrypt.</exception>
    /// <exception cref="ArgumentException">The tag's length is wrong.</exception>
    public void GetTag(Span<byte> tag)
    {
        byte* whole = stackalloc byte[BlockSize];
        Finish(tag, whole, encrypt: true);
        new ReadOnlySpan<byte>(whole, tag.Length).CopyTo(tag);
    }

    /// <summary>Ends a message that was decrypted. False means that what <see cref="Transform"/> gave out must be thrown away.</summary>
    /// <param name="tag">The tag that came with the message.</param>
    /// <exception cref="InvalidOperationException">No message is started, or it is one to encrypt.</exception>
    /// <exception cref="ArgumentException">The tag's length is wrong.</exception>
    public bool VerifyTag(ReadOnlySpan<byte> tag)
    {
        byte* whole = stackalloc byte[BlockSize];
        Finish(tag, whole, encrypt: false);
        bool isRight = CryptographicOperations.FixedTimeEquals(tag, new ReadOnlySpan<byte>(whole, tag.Length));
        CryptographicOperations.ZeroMemory(new Span<byte>(whole, BlockSize));
        return isRight;
    }

    /// <summary>Zeroes the state. The key stays.</summary>
    public void Dispose()
    {
        Clear();
        _phase = Phase.Disposed;
    }

    private void Finish(ReadOnlySpan<byte> tag, byte* whole, bool encrypt)
    {
        ObjectDisposedException.ThrowIf(_phase == Phase.Disposed, this);
        if (_phase == Phase.Idle)
            throw new InvalidOperationException("Call Start first.");
        if (_encrypt != encrypt)
            throw new InvalidOperationException(encrypt ? "This message is decrypted; use VerifyTag." : "This message is encrypted; use GetTag.");
        if (tag.Length != _key.TagSizeInBytes)
            throw new ArgumentException($"The tag has {tag.Length} bytes; this key uses {_key.TagSizeInBytes}.", nameof(tag));
        PadPart((int)((_phase == Phase.AssociatedData ? _associatedBytes : _bytes) % BlockSize));
        BinaryPrimitives.WriteUInt64BigEndian(_state.AsSpan(Part), _associatedBytes * 8);
        BinaryPrimitives.WriteUInt64BigEndian(_state.AsSpan(Part + 8), _bytes * 8);
        HashBlocks(_state.AsSpan(Part, BlockSize));
        (Vector128.Create(_state, Mask) ^ Vector128.Create(_state, Hash)).Store(whole);
        Clear();
    }

    private void TransformBlocks(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        GcmCore core = _key.Core;
        int bulk = source.Length - (source.Length % core.Kernel.GcmBulkUnit);
        fixed (byte* memory = &core.Memory, state = _state, from = source, to = destination)
        fixed (uint* counter = _counter)
        {
            uint* schedule = (uint*)(memory + GhashKernel.TableSizeInBytes);
            core.Kernel.GcmBulk(schedule, memory, state + Hash, counter, from, to, (nuint)bulk, _encrypt);
            nuint blocks = (nuint)(source.Length - bulk) / BlockSize;
            if (!_encrypt)
                core.Kernel.Ghash.Update(memory, state + Hash, from + bulk, blocks);
            core.Kernel.Ctr(schedule, counter, from + bulk, to + bulk, blocks);
            if (_encrypt)
                core.Kernel.Ghash.Update(memory, state + Hash, to + bulk, blocks);
        }
    }

    private void TransformPart(ReadOnlySpan<byte> source, Span<byte> destination, int used)
    {
        for (int i = 0; i < source.Length; i++)
        {
            byte other = (byte)(source[i] ^ _state[Stream + used + i]);
            _state[Part + used + i] = _encrypt ? other : source[i];
            destination[i] = other;
        }
        if (used + source.Length == BlockSize)
            HashBlocks(_state.AsSpan(Part, BlockSize));
    }

    private void Absorb(ReadOnlySpan<byte> data, int used)
    {
        if (used > 0)
        {
            int rest = Math.Min(data.Length, BlockSize - used);
            data[..rest].CopyTo(_state.AsSpan(Part + used));
            data = data[rest..];
            if (used + rest < BlockSize)
                return;
            HashBlocks(_state.AsSpan(Part, BlockSize));
        }
        int whole = data.Length & ~(BlockSize - 1);
        HashBlocks(data[..whole]);
        data[whole..].CopyTo(_state.AsSpan(Part));
    }

    private void PadPart(int used)
    {
        if (used == 0)
            return;
        _state.AsSpan(Part + used, BlockSize - used).Clear();
        HashBlocks(_state.AsSpan(Part, BlockSize));
    }

    private void HashBlocks(ReadOnlySpan<byte> blocks)
    {
        fixed (byte* memory = &_key.Core.Memory, hash = &_state[Hash], from = blocks)
            _key.Core.Kernel.Ghash.Update(memory, hash, from, (nuint)blocks.Length / BlockSize);
    }

    private void Clear()
    {
        CryptographicOperations.ZeroMemory(_state);
        Array.Clear(_counter);
        _associatedBytes = _bytes = 0;
        _phase = Phase.Idle;
    }
}
