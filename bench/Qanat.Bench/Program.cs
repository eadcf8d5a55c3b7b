using Qanat.Bench.DelayWire;
using Qanat.Bench.Workers;

return args switch
{
    ["worker"] => await new WorkerHost().RunAsync(),
    ["wire", .. string[] rest] when rest.Length == 5 => await DelayWireHost.RunAsync(rest),
    _ => await Qanat.Bench.BenchCommandLine.RunAsync(args),
};
