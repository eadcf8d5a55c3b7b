using Qanat.Bench.Load;
using Qanat.Bench.Peers;

namespace Qanat.Bench.Metrics;

/// <summary>What the rounds of one metric gave for one system.</summary>
public sealed class Samples
{
    private readonly List<double> _values = [];
    private double _systemCpu;
    private double _hubCpu;
    private double _totalCpu;
    private double _work;

    public double[] Rounds => [.. _values.Select(value => Math.Round(value, 3))];

    public bool Any => _values.Count > 0;

    public double? Median => Any ? MedianOf(_values) : null;

    /// <summary>CPU seconds of all processes for each unit of work, over all rounds together.</summary>
    public double? CpuPerWork => _work > 0 ? _totalCpu / _work : null;

    public double? SystemCpuPerWork => _work > 0 ? _systemCpu / _work : null;

    public double? HubCpuPerWork => _work > 0 && _hubCpu > 0 ? _hubCpu / _work : null;

    public double ResidentMegabytes { get; private set; }

    public string? FirstFailure { get; private set; }

    public long Failures { get; private set; }

    /// <summary>Why the system dropped out of this metric, or null. Its other metrics go on.</summary>
    public string? DroppedOut { get; set; }

    /// <param name="value">The round's value.</param>
    /// <param name="work">Units of work done in the round (GB, requests).</param>
    public void Add<T>(double value, double work, Measured<T> measured)
    {
        _values.Add(value);
        _work += work;
        _systemCpu += measured.SystemCpu;
        _hubCpu += measured.HubCpu;
        _totalCpu += measured.TotalCpu;
        ResidentMegabytes = Math.Round(measured.ResidentBytes / 1e6, 1);
        if (measured.Result is HttpResult { Failures: > 0 } http)
        {
            Failures += http.Failures;
            FirstFailure ??= http.FirstFailure;
        }
    }

    public void Add(double value) => _values.Add(value);

    public static double MedianOf(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
