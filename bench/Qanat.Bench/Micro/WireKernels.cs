using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Bench.Micro;

/// <summary>Runs the BenchmarkDotNet set in this process (no generated projects, so it needs nothing but the built bench).</summary>
public static class MicroRunner
{
    public static void Run() =>
        BenchmarkRunner.Run([typeof(MaskKernels), typeof(HeaderCodecs)],
            DefaultConfig.Instance.AddJob(Job.Default.WithIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(50)).WithWarmupCount(2).WithIterationCount(7).WithToolchain(InProcessEmitToolchain.Instance)).WithOptions(ConfigOptions.DisableLogFile));
}

/// <summary>RFC 6455 masking: in place, while copying, and the scalar reference.</summary>
[MemoryDiagnoser]
public class MaskKernels
{
    private byte[] _data = [];
    private byte[] _copy = [];

    [Params(64, 1460, 65588)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new byte[Length];
        _copy = new byte[Length];
        new Random(1).NextBytes(_data);
    }

    [Benchmark(Baseline = true)]
    public void Scalar() => WebSocketMask.ApplyScalar(_data, 0x1b2c3d4e, 1);

    [Benchmark]
    public void InPlace() => WebSocketMask.Apply(_data, 0x1b2c3d4e, 1);

    [Benchmark]
    public void WhileCopying() => WebSocketMask.Copy(_data, _copy, 0x1b2c3d4e, 1);
}

/// <summary>Headers 1 and 2: write and read.</summary>
[MemoryDiagnoser]
public class HeaderCodecs
{
    private readonly byte[] _frame = new byte[FrameHeader.Length + 1024];
    private readonly byte[] _mux = new byte[MuxFrameHeader.Length];
    private readonly FrameHeader _header = new(FrameType.Data, FrameReason.None, 0, Mid.FromSubjectPublicKeyInfo([1]), Mid.FromSubjectPublicKeyInfo([2]), 42, 1 << 20);
    private readonly MuxFrameHeader _muxHeader = new(MuxFrameType.Data, 1024, 7);

    [GlobalSetup]
    public void Setup()
    {
        _header.Write(_frame);
        _muxHeader.Write(_mux);
    }

    [Benchmark]
    public void WriteHeader1() => _header.Write(_frame);

    [Benchmark]
    public ulong ReadHeader1() => FrameHeader.TryRead(_frame, out FrameHeader header, out _) == ParseStatus.Complete ? header.Offset : 0;

    [Benchmark]
    public void WriteHeader2() => _muxHeader.Write(_mux);

    [Benchmark]
    public uint ReadHeader2() => MuxFrameHeader.TryRead(_mux, out MuxFrameHeader header) == ParseStatus.Complete ? header.ConnectionId : 0;
}
