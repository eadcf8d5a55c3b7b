using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>
/// A block for key material: pinned, so that the collector leaves no copies behind, 64-byte aligned, zeroed when disposed of.
/// Blocks are pooled because pinned arrays are collected only with the oldest generation.
/// </summary>
internal sealed class KeyMemory : IDisposable
{
    /// <summary>Room in every block: two SM4 schedules, or one and a table of 64 powers for GHASH.</summary>
    public const int SizeInBytes = 1280;

    private const int Alignment = 64;
    private const int MaxPooled = 1024;

    private static readonly ConcurrentQueue<byte[]> s_pool = new();

    private readonly int _offset;
    private byte[]? _array;

    public unsafe KeyMemory()
    {
        _array = s_pool.TryDequeue(out byte[]? pooled) ? pooled : GC.AllocateArray<byte>(SizeInBytes + Alignment, pinned: true);
        nint address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_array));
        _offset = (int)(-address & (Alignment - 1));
    }

    /// <summary>The first byte of the block; hold it with <c>fixed</c> while pointers to it are in use.</summary>
    /// <exception cref="ObjectDisposedException">The key was disposed of.</exception>
    public ref byte Start
    {
        get
        {
            byte[]? array = _array;
            ObjectDisposedException.ThrowIf(array is null, typeof(KeyMemory));
            return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(array), _offset);
        }
    }

    public void Dispose()
    {
        byte[]? array = Interlocked.Exchange(ref _array, null);
        if (array is null)
            return;
        CryptographicOperations.ZeroMemory(array);
        if (s_pool.Count < MaxPooled)
            s_pool.Enqueue(array);
    }
}
