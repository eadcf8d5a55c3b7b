using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// SM4 in Galois/Counter Mode (NIST SP 800-38D; TLS_SM4_GCM_SM3 of RFC 8998; the GCM suites of GB/T 38636). Shaped like <see cref="AesGcm"/>. Messages that come
/// in pieces: <see cref="Sm4GcmStream"/>.
/// </summary>
/// <remarks>
/// Time does not depend on keys or data, and no call allocates. Input and output must be the same memory or not overlap. Calls from several threads are safe as long
/// as none disposes of the key meanwhile. A nonce used twice with one key gives both plaintexts and the authentication key away.
/// </remarks>
public sealed unsafe class Sm4Gcm : IDisposable
{
    private readonly GcmCore _core;

    /// <summary>Expands a key and makes the table of GHASH. The bytes given are copied.</summary>
    /// <param name="key">16 bytes.</param>
    /// <param name="tagSizeInBytes">12 to 16; what <see cref="Encrypt"/> and <see cref="Decrypt"/> must be given.</param>
    /// <exception cref="CryptographicException">The key does not have 16 bytes.</exception>
    /// <exception cref="ArgumentException">The tag size is not 12 to 16.</exception>
    public Sm4Gcm(ReadOnlySpan<byte> key, int tagSizeInBytes) : this(key, tagSizeInBytes, Sm4Kernels.Best)
    {
    }

    internal Sm4Gcm(ReadOnlySpan<byte> key, int tagSizeInBytes, Sm4Kernel kernel)
    {
        if (tagSizeInBytes is < 12 or > 16)
            throw new ArgumentException($"The tag size must be 12 to 16 bytes, not {tagSizeInBytes}.", nameof(tagSizeInBytes));
        TagSizeInBytes = tagSizeInBytes;
        _core = new GcmCore(key, kernel);
    }

    /// <summary>Tag sizes that are taken: 12 to 16 bytes.</summary>
    public static KeySizes TagByteSizes { get; } = new(12, 16, 1);

    /// <summary>The nonce size to use: 12 bytes. Other lengths from 1 are taken too and hashed (SP 800-38D section 7.1).</summary>
    public static KeySizes NonceByteSizes { get; } = new(12, 12, 1);

    /// <summary>Bytes of a tag.</summary>
    public int TagSizeInBytes { get; }

    internal GcmCore Core => _core;

    /// <summary>Encrypts and authenticates a message.</summary>
    /// <param name="nonce">12 bytes (or another length from 1), never used before with this key.</param>
    /// <param name="plaintext">Any length.</param>
    /// <param name="ciphertext">As long as the plaintext; the same memory, or disjoint.</param>
    /// <param name="tag"><see cref="TagSizeInBytes"/> bytes; not inside the plaintext or ciphertext.</param>
    /// <param name="associatedData">Authenticated, not encrypted.</param>
    /// <exception cref="ArgumentException">A length is wrong, or memory overlaps partly.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed of.</exception>
    public void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> associatedData = default)
    {
        CheckParameters(nonce, tag);
        SpanRules.CheckSameLength(plaintext, ciphertext, nameof(plaintext), nameof(ciphertext));
        byte* whole = stackalloc byte[Sm4Kernel.BlockSize];
        _core.Process(nonce, plaintext, ciphertext, associatedData, whole, encrypt: true);
        new ReadOnlySpan<byte>(whole, TagSizeInBytes).CopyTo(tag);
    }

    /// <summary>Checks and decrypts a message.</summary>
    /// <param name="nonce">The nonce it was encrypted with.</param>
    /// <param name="ciphertext">Any length.</param>
    /// <param name="tag"><see cref="TagSizeInBytes"/> bytes.</param>
    /// <param name="plaintext">As long as the ciphertext; the same memory, or disjoint. Zeroed when the tag is wrong.</param>
    /// <param name="associatedData">What was authenticated besides.</param>
    /// <exception cref="AuthenticationTagMismatchException">Nonce, ciphertext, tag, associated data or key do not belong together.</exception>
    /// <exception cref="ArgumentException">A length is wrong, or memory overlaps partly.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed of.</exception>
    public void Decrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, ReadOnlySpan<byte> associatedData = default)
    {
        CheckParameters(nonce, tag);
        SpanRules.CheckSameLength(ciphertext, plaintext, nameof(ciphertext), nameof(plaintext));
        byte* whole = stackalloc byte[Sm4Kernel.BlockSize];
        _core.Process(nonce, ciphertext, plaintext, associatedData, whole, encrypt: false);
        if (CryptographicOperations.FixedTimeEquals(tag, new ReadOnlySpan<byte>(whole, TagSizeInBytes)))
            return;
        CryptographicOperations.ZeroMemory(plaintext);
        CryptographicOperations.ZeroMemory(new Span<byte>(whole, Sm4Kernel.BlockSize));
        throw new AuthenticationTagMismatchException();
    }

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => _core.Dispose();

    private void CheckParameters(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> tag)
    {
        if (nonce.IsEmpty)
            throw new ArgumentException("The nonce must not be empty; use 12 bytes.", nameof(nonce));
        if (tag.Length != TagSizeInBytes)
            throw new ArgumentException($"The tag has {tag.Length} bytes; this key uses {TagSizeInBytes}.", nameof(tag));
    }
}
