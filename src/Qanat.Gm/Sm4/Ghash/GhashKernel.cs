namespace Qanat.Gm;

/// <summary>
/// GHASH (NIST SP 800-38D section 6.4) in one code path. Stateless: the table of powers of H and the state belong to the caller.
/// All paths are free of memory accesses and branches that depend on H or on the data.
/// </summary>
internal abstract unsafe class GhashKernel
{
    /// <summary>Bytes of the largest table, that of 64 powers of H.</summary>
    public const int TableSizeInBytes = 1024;

    public const int BlockSize = 16;

    /// <summary>For messages of tests and benchmarks.</summary>
    public abstract string Name { get; }

    /// <summary>Makes the table from H = E(0).</summary>
    /// <param name="subkey">16 bytes.</param>
    /// <param name="table"><see cref="TableSizeInBytes"/> bytes, 64-byte aligned.</param>
    public abstract void Initialize(byte* subkey, byte* table);

    /// <summary>state = (...((state ^ X1) H ^ X2) H ...) H for whole blocks. The state is 16 bytes in the byte order of the standard.</summary>
    public abstract void Update(byte* table, byte* state, byte* data, nuint blocks);
}
