using System.Diagnostics.Metrics;
using Qanat.Wire;

namespace Qanat.Tunnel.Mux;

/// <summary>Meters of all multiplexers of a process, under <c>Qanat.Mux</c>. Updated per connection and per read or write, never per frame.</summary>
public sealed class MuxMetrics
{
    private static readonly KeyValuePair<string, object?> s_in = new("qanat.direction", "in");
    private static readonly KeyValuePair<string, object?> s_out = new("qanat.direction", "out");

    private readonly UpDownCounter<long> _connections;
    private readonly Counter<long> _opens, _resets, _bytes;

    /// <summary>Creates the instruments.</summary>
    public MuxMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        Meter meter = meters.Create("Qanat.Mux");
        _connections = meter.CreateUpDownCounter<long>("qanat.mux.connections", "{connection}", "Connections open inside tunnels.");
        _opens = meter.CreateCounter<long>("qanat.mux.opens", "{connection}", "Connections opened (out) and accepted (in).");
        _resets = meter.CreateCounter<long>("qanat.mux.resets", "{connection}", "Connections reset or refused, by reason.");
        _bytes = meter.CreateCounter<long>("qanat.mux.io", "By", "Bytes of frames read (in) and written (out), inside layer-2 TLS.");
    }

    internal void Opened(bool isLocal)
    {
        _opens.Add(1, isLocal ? s_out : s_in);
        _connections.Add(1, isLocal ? s_out : s_in);
    }

    internal void Closed(bool isLocal, MuxResetReason reason)
    {
        _connections.Add(-1, isLocal ? s_out : s_in);
        if (reason != MuxResetReason.None)
        {
            Reset(reason);
        }
    }

    internal void Reset(MuxResetReason reason) =>
        _resets.Add(1, new KeyValuePair<string, object?>("qanat.mux.reason", Enum.IsDefined(reason) ? reason.ToString() : "Other"));

    internal void Read(int bytes) => _bytes.Add(bytes, s_in);

    internal void Written(int bytes) => _bytes.Add(bytes, s_out);
}
