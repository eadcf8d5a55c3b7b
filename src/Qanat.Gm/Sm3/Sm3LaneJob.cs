using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// One message on its way through a lane: where its blocks are and the chaining value before and after them. Its pointers go into itself, so it lives on the stack or
/// pinned, and is cleared after use, since it holds pieces of the message.
/// </summary>
internal unsafe struct Sm3LaneJob
{
    /// <summary>Longest prefix in bytes.</summary>
    public const int MaxPrefix = Sm3.BlockSizeInBytes - 1;

    /// <summary>Before the run where the message starts from, after it the hash.</summary>
    public Sm3Chaining Chaining;

    // The blocks that do not stand in the message as they are: one with the prefix, then one or two with the padding.
    private fixed byte _head[Sm3.BlockSizeInBytes];
    private fixed byte _tail[2 * Sm3.BlockSizeInBytes];
    private byte* _body;
    private int _headBlocks;
    private int _bodyBlocks;
    private int _tailBlocks;

    /// <summary>Prepares a job for prefix || data, padded.</summary>
    /// <param name="job">Where; any former content is lost.</param>
    /// <param name="start">Chaining value to start from.</param>
    /// <param name="processed">Bytes that went into it before, whole blocks.</param>
    /// <param name="prefix">At most <see cref="MaxPrefix"/> bytes; copied.</param>
    /// <param name="data">The rest of the message; must stay where it is until the run is over.</param>
    /// <param name="length">Its length in bytes.</param>
    public static void Prepare(Sm3LaneJob* job, in Sm3Chaining start, int processed, ReadOnlySpan<byte> prefix, byte* data, int length)
    {
        const int Block = Sm3.BlockSizeInBytes;
        ulong bits = ((ulong)processed + (ulong)prefix.Length + (ulong)length) * 8;
        job->Chaining = start;
        ReadOnlySpan<byte> rest = new(data, length);
        Span<byte> head = new(job->_head, Block), tail = new(job->_tail, 2 * Block);
        job->_headBlocks = 0;
        if (!prefix.IsEmpty && prefix.Length + rest.Length >= Block)
        {
            prefix.CopyTo(head);
            rest[..(Block - prefix.Length)].CopyTo(head[prefix.Length..]);
            rest = rest[(Block - prefix.Length)..];
            prefix = default;
            job->_headBlocks = 1;
        }
        job->_body = data + (length - rest.Length);
        job->_bodyBlocks = prefix.IsEmpty ? rest.Length / Block : 0;
        rest = rest[(job->_bodyBlocks * Block)..];
        int filled = prefix.Length + rest.Length;
        job->_tailBlocks = filled + 1 + sizeof(ulong) <= Block ? 1 : 2;
        tail.Clear();
        prefix.CopyTo(tail);
        rest.CopyTo(tail[prefix.Length..]);
        tail[filled] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(tail[((job->_tailBlocks * Block) - sizeof(ulong))..], bits);
    }

    /// <summary>Turns the finished inner hash of an HMAC into the job of the outer one.</summary>
    public static void PrepareOuter(Sm3LaneJob* job, in HmacSm3Pads pads)
    {
        Span<byte> inner = stackalloc byte[Sm3.HashSizeInBytes];
        job->Chaining.Write(inner);
        Prepare(job, pads.Outer, Sm3.BlockSizeInBytes, inner, null, 0);
        CryptographicOperations.ZeroMemory(inner);
    }

    /// <summary>Parts of a message: the block with the prefix, the body, the end.</summary>
    public const int Parts = 3;

    /// <summary>Blocks of one part, which stand together.</summary>
    /// <returns>How many; 0 when the message has no such part.</returns>
    public static int GetPart(Sm3LaneJob* job, int part, out byte* blocks)
    {
        switch (part)
        {
            case 0:
                blocks = job->_head;
                return job->_headBlocks;
            case 1:
                blocks = job->_body;
                return job->_bodyBlocks;
            default:
                blocks = job->_tail;
                return job->_tailBlocks;
        }
    }

    /// <summary>Zeroes jobs.</summary>
    public static void Clear(Sm3LaneJob* jobs, int count) => CryptographicOperations.ZeroMemory(new Span<byte>(jobs, count * sizeof(Sm3LaneJob)));
}
