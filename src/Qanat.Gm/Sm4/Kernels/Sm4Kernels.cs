using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qanat.Gm;

/// <summary>Which code paths this processor has, and which one is used.</summary>
internal static class Sm4Kernels
{
    /// <summary>The fastest path; the one that <see cref="Sm4.Implementation"/> reports.</summary>
    public static Sm4Kernel Best { get; } = Available()[0];

    /// <summary>All paths that this processor can run, fastest first. The runtime's switches (<c>DOTNET_EnableAVX512=0</c>, ...) take paths away.</summary>
    public static IReadOnlyList<Sm4Kernel> Available()
    {
        List<Sm4Kernel> kernels = [];
        if (Avx512F.IsSupported && Avx512BW.IsSupported && Gfni.V512.IsSupported && Gfni.IsSupported && BestGhash is not GhashPortable)
            kernels.Add(Gfni512());
        if (Avx2.IsSupported && Gfni.V256.IsSupported && Gfni.IsSupported)
            kernels.Add(new LaneKernel<Lanes256<GfniSbox256>, Vector256<uint>, Lanes128<GfniSbox128>>(Sm4Implementation.Gfni256, PclmulOrPortable));
        if (Avx512F.IsSupported && Avx512BW.IsSupported && Aes.IsSupported)
            kernels.Add(new LaneKernel<Lanes512<NibbleSbox512>, Vector512<uint>, Lanes128<AesSbox128>>(Sm4Implementation.Avx512, BestGhash));
        if (Avx2.IsSupported && Aes.IsSupported)
            kernels.Add(new LaneKernel<Lanes256<AesSbox256>, Vector256<uint>, Lanes128<AesSbox128>>(Sm4Implementation.AesNi, PclmulOrPortable));
        if (Ssse3.IsSupported && Aes.IsSupported)
            kernels.Add(new LaneKernel<Lanes128<AesSbox128>, Vector128<uint>, Lanes128<AesSbox128>>(Sm4Implementation.AesNi, PclmulOrPortable));
        kernels.Add(new PortableKernel());
        return kernels;
    }

    private static GhashKernel PclmulOrPortable => GhashPclmul.IsSupported ? GhashPclmul.Instance : GhashPortable.Instance;

    private static GhashKernel BestGhash =>
        Avx512F.IsSupported && Avx512BW.IsSupported && Pclmulqdq.V512.IsSupported && GhashPclmul.IsSupported ? GhashVpclmul<Vpclmul512>.Instance : PclmulOrPortable;

    private static Sm4Kernel Gfni512() => BestGhash is GhashVpclmul<Vpclmul512>
        ? new GcmKernel512<GfniSbox512, Vpclmul512, Lanes128<GfniSbox128>>(Sm4Implementation.Gfni512)
        : new LaneKernel<Lanes512<GfniSbox512>, Vector512<uint>, Lanes128<GfniSbox128>>(Sm4Implementation.Gfni512, BestGhash);
}
