using System.Security.Cryptography;

namespace Psi.Crypto;

/// <summary>A secret scalar in memory that the collector does not move (so that no copy stays behind) and that is cleared on disposal.</summary>
internal sealed class SecretScalar : IDisposable
{
    private readonly byte[] _bytes = GC.AllocateArray<byte>(Ristretto.ScalarBytes, pinned: true);

    /// <summary>A fresh uniform scalar.</summary>
    internal SecretScalar() => Ristretto.RandomScalar(_bytes);

    /// <summary>A given scalar; for test vectors.</summary>
    internal SecretScalar(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes);

    internal ReadOnlySpan<byte> Bytes => _bytes;

    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
}
