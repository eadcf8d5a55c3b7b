using Qanat.Gm;

namespace Qanat.Cli.Gm;

/// <summary>SM3 of a stream of any length.</summary>
internal static class Sm3Stream
{
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Hashes a prefix and then the file, or standard input for <c>-</c>.</summary>
    public static async Task<byte[]> HashAsync(ReadOnlyMemory<byte> prefix, string path, CancellationToken cancellationToken)
    {
        using Sm3Hash hash = new();
        hash.AppendData(prefix.Span);
        byte[] chunk = new byte[ChunkBytes];
        await using Stream stream = GmFiles.OpenRead(path);
        for (int length; (length = await stream.ReadAsync(chunk, cancellationToken)) > 0;)
        {
            hash.AppendData(chunk.AsSpan(0, length));
        }
        byte[] value = new byte[Sm3.HashSizeInBytes];
        hash.GetHashAndReset(value);
        return value;
    }

    /// <summary>What SM2 signs: SM3 of Z and the message (GB/T 32918.2 section 6.1).</summary>
    public static Task<byte[]> MessageAsync(Sm2 key, byte[] userId, string path, CancellationToken cancellationToken)
    {
        byte[] z = new byte[Sm3.HashSizeInBytes];
        key.ComputeZ(userId, z);
        return HashAsync(z, path, cancellationToken);
    }
}
